"""Where nothing is sent, however the address is written and whatever it resolves to."""

import ssl
from itertools import product

import httpcore
import pytest

from app.core.egress import Egress, TargetRefused, is_public, named_host
from app.core.wire import NoReply, Wire

PUBLIC = "93.184.216.34"
TLS = ssl.create_default_context()
DENIED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1",
    "127.1.2.3", "168.63.129.16", "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8",
    "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1",
    "2001:20::1", "2001:db8::1", "2002:7f00:1::1", "2002:a00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fe80::1%lo", "fec0::1", "ff02::1", "4000::1",
]  # fmt: skip
ALLOWED = [
    PUBLIC, "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.0.1.1", "192.167.255.255", "192.169.0.0", "198.17.255.255",
    "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2400:3200::1", "2001:4860:4860::8888", "::ffff:1.1.1.1",
]  # fmt: skip
LOCAL_HOSTS = [
    # this machine, spelt in every way resolvers have been seen to understand
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7f.1", "0177.0.0.1", "017700000001",
    "00000177.1", "127.0.0.1.", "0", "0.0.0.0", "localhost", "localhost.", "LOCALHOST", "localhost.localdomain.",
    "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[::1%25lo]", "[64:ff9b::7f00:1]",
    "::1", "１２７.０.０.１", "127。0。0。1", "①②⑦.⓪.⓪.①", "ⓛocalhost", "loc\u00adalhost", "localhost\u200b",
    "169.254.169.254", "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "[fd00:ec2::254]", "metadata",
    "1.2.3", "1.2.3.4",
]  # fmt: skip
AROUND = ["https://{}/", "https://{}:443/x", "https://{}:8443/", "http://{}/"]
TRICKS = [
    "https://crm.example.com@127.0.0.1/", "https://127.0.0.1@crm.example.com/", "https://a:b@crm.example.com/",
    "https://crm.example.com\\@127.0.0.1/", "https://127.0.0.1\\.crm.example.com/", "https://127.0.0.1#@crm.example.com/",
    "https://127.0.0.1%23.crm.example.com/", "https://127.0.0.1%2f.crm.example.com", "https://crm.example.com:443@127.0.0.1/",
    "https:///127.0.0.1/", "https:/127.0.0.1/", "https:127.0.0.1", "https:\\\\127.0.0.1\\", "//127.0.0.1/", "///x",
    "https://crm.example.com:22/", "https://crm.example.com:80/", "https://crm.example.com:8080/", "https://crm.example.com:0/",
    "https://crm.example.com:65536/", "https://crm.example.com:443443/", "https://crm.example.com:+443/",
    "https://crm.example.com:４４３/", "https://crm.example.com:/", "https://crm.example.com: 443/", "https://:443/", "https://",
    "http://crm.example.com/", "HTTPS://crm.example.com/", "ftp://crm.example.com/", "file:///etc/passwd", "gopher://x.example.com/_",
    "javascript:alert(1)", "data:,x", "dict://127.0.0.1:11211/", "unix:///var/run/docker.sock", "jar:https://crm.example.com!/",
    "https://crm.example.com/\r\nX-Injected: 1", "https://crm.example.com/ x", "https://crm.example.com/\t", "https://crm.example.com/\x00",
    "\thttps://crm.example.com/", " https://crm.example.com/", "https://crm.example.com/é", "https://crm.example.com/#part",
    "https://crm.exa mple.com/", "https://crm..example.com/", "https://.example.com/", "https://-crm.example.com/",
    "https://crm-.example.com/", "https://crm_x.example.com/", "https://crm.example.com./", "https://crm.example.1/",
    "https://crm.example.0x7f/", "https://" + "a" * 64 + ".example.com/", "https://crm.例子.测试/",
    "https://crm.example.com/" + "x" * 500,
    "https://{host}/", "https://$(id).example.com/", "https://crm.example.com/<script>", "", "crm.example.com",
    "https//x.example.com/",
]  # fmt: skip
CORPUS = [form.format(host) for host, form in product(LOCAL_HOSTS, AROUND)] + TRICKS


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every address that anything tries to connect to."""
    tried: list[str] = []

    async def refuse(_self: object, host: str, port: int, **_options: object) -> None:
        tried.append(host)
        raise httpcore.ConnectError

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", refuse)
    return tried


def resolving(*answers: list[str]) -> Egress:
    """An egress whose names resolve to these, one answer after the other, the last again and again."""
    left = list(answers)

    async def resolve(_host: str, _port: int) -> list[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return Egress(resolve=resolve)


async def refusal(egress: Egress, url: str) -> str | None:
    try:
        await egress.check(url)
    except TargetRefused as refused:
        return refused.code
    return None


async def sending(egress: Egress, url: str) -> str:
    wire = Wire(egress, url, tls=TLS)
    with pytest.raises(NoReply) as silence:
        await wire.post(b"{}", {})
    return silence.value.code


async def test_R15_the_corpus_leads_nowhere_at_registration_or_at_sending(connections: list[str]) -> None:
    assert len(CORPUS) >= 150
    egress = Egress()  # with the system's resolver, which reads numbers in many forms
    let_through = [url for url in CORPUS if await refusal(egress, url) is None]
    answers = {await sending(egress, url) for url in CORPUS}
    assert (let_through, connections) == ([], [])
    assert answers <= {"invalid_url", "https_required", "port_not_allowed"}


@pytest.mark.parametrize("address", DENIED)
async def test_R15_a_name_of_an_internal_or_reserved_address_is_refused(address: str, connections: list[str]) -> None:
    assert not is_public(address)
    for addresses in ([address], [PUBLIC, address], [address, PUBLIC]):
        egress = resolving(addresses)
        assert await refusal(egress, "https://crm.example.com/hooks") == "address_not_public"
        assert await sending(egress, "https://crm.example.com/hooks") == "address_not_public"
    assert connections == []


@pytest.mark.parametrize("address", ALLOWED)
def test_the_neighbours_of_what_is_denied_are_public(address: str) -> None:
    assert is_public(address)


async def test_R15_an_address_of_this_machine_is_refused_though_it_be_public(
    monkeypatch: pytest.MonkeyPatch, connections: list[str]
) -> None:
    monkeypatch.setattr("app.core.egress.is_public", lambda _address: True)
    for address in ("127.0.0.1", "::1"):
        assert await sending(resolving([address]), "https://crm.example.com/") == "address_not_public"
    assert connections == []


async def test_R15_a_name_that_changes_its_address_between_check_and_sending_is_refused(connections: list[str]) -> None:
    egress = resolving([PUBLIC], ["127.0.0.1"])
    assert await refusal(egress, "https://rebind.example.com/") is None
    assert await sending(egress, "https://rebind.example.com/") == "address_not_public"
    assert connections == []


async def test_R15_the_connection_goes_to_the_address_that_was_checked_not_to_the_name(connections: list[str]) -> None:
    egress = resolving(["1.1.1.1", PUBLIC], ["127.0.0.1"])
    assert await sending(egress, "https://crm.example.com/") == "connection_failed"
    assert connections == ["1.1.1.1", PUBLIC]


async def test_a_name_that_does_not_resolve_is_told_so(connections: list[str]) -> None:
    async def fail(_host: str, _port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    for egress in (resolving([]), Egress(resolve=fail)):
        assert await refusal(egress, "https://crm.example.com/") == "unresolvable_host"
        assert await sending(egress, "https://crm.example.com/") == "unresolvable_host"


GOOD = {
    "https://crm.example.com": ("https", "crm.example.com", 443, "/", "crm.example.com"),
    "https://CRM.Example.com/hooks": ("https", "crm.example.com", 443, "/hooks", "crm.example.com"),
    "https://crm.example.com:8443/a/b?c=d&e=%20": (
        "https", "crm.example.com", 8443, "/a/b?c=d&e=%20", "crm.example.com:8443",
    ),
    "https://xn--fsqu00a.xn--0zwm56d?x": ("https", "xn--fsqu00a.xn--0zwm56d", 443, "/?x", "xn--fsqu00a.xn--0zwm56d"),
}  # fmt: skip


@pytest.mark.parametrize(("url", "parts"), GOOD.items())
async def test_an_address_is_read_in_the_parts_a_request_is_made_of(url: str, parts: tuple[object, ...]) -> None:
    egress = resolving([PUBLIC])
    target = egress.read(url)
    assert (target.scheme, target.host, target.port, target.path, target.authority) == parts
    assert await refusal(egress, url) is None


async def test_hosts_of_the_deployment_may_be_private_and_http_on_the_ports_it_names() -> None:
    egress = Egress(map(named_host, ("CRM.internal", "10.1.2.3:9000", " crm:8080")))
    for url in ("http://crm.internal/", "https://crm.internal:8443/", "http://10.1.2.3:9000/x", "http://crm:8080/"):
        assert await refusal(egress, url) is None
        assert egress.read(url).trusted
    for url in (
        "http://crm.internal:9000/",
        "http://10.1.2.3/",
        "http://10.1.2.3:9001/",
        "http://crm/",
        "http://10.1.2.4:9000/",
    ):
        assert await refusal(egress, url) in ("https_required", "port_not_allowed", "invalid_url")


@pytest.mark.parametrize("entry", ["", "*", "*.internal", "http://crm", "crm/path", "[::1]", "crm:", "-crm", "a b"])
def test_a_host_of_the_deployment_is_written_plainly(entry: str) -> None:
    with pytest.raises(ValueError, match="host or host:port"):
        named_host(entry)
