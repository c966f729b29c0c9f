"""Requests to receivers that behave and to those that do not."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from app.core import wire as wires
from app.core.egress import Egress
from app.core.wire import NoReply, Wire
from tests.receiver import Answer, Receiver, Seen, always, hang, receiving, reply, reset

TLS = ssl.create_default_context()


@asynccontextmanager
async def connected(answer: Answer | None = None, *, tls: ssl.SSLContext = TLS) -> AsyncIterator[tuple[Receiver, Wire]]:
    async with receiving(answer) as receiver:
        wire = Wire(Egress([receiver.host]), receiver.url, tls=tls)
        yield receiver, wire
        await wire.close()


async def silence(wire: Wire) -> str:
    with pytest.raises(NoReply) as nothing:
        await wire.post(b"{}", {})
    return nothing.value.code


async def test_a_request_arrives_as_it_was_sent_and_the_next_one_on_the_same_connection() -> None:
    async with connected(always(202, body="好".encode())) as (receiver, wire):
        for number in range(3):
            answer = await wire.post(f'{{"n":{number}}}'.encode(), {"webhook-id": f"evt_{number}"})
            assert (answer.status, answer.text, answer.retry_after) == (202, "好", None)
        assert receiver.connections == 1
        first = receiver.seen[0]
        assert (first.target, first.body) == ("/hooks?from=aftersales", b'{"n":0}')
        assert first.headers == {"host": receiver.host, "content-length": "7", "webhook-id": "evt_0"}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_R15_no_redirect_is_followed(status: int) -> None:
    async with receiving() as elsewhere, connected(always(status, f"Location: {elsewhere.url}")) as (_, wire):
        assert (await wire.post(b"{}", {})).status == status
        assert elsewhere.connections == 0


async def test_R15_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as proxy, connected() as (receiver, wire):
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert (await wire.post(b"{}", {})).status == 204
        assert (len(receiver.seen), proxy.connections) == (1, 0)


WAITS: dict[str, Callable[[float | None], bool]] = {
    "120": lambda seconds: seconds == 120,
    "0": lambda seconds: seconds == 0,
    "99999999999999999999": lambda seconds: seconds is not None and seconds > 10**6,
    "Fri, 31 Dec 2100 23:59:59 GMT": lambda seconds: seconds is not None and seconds > 10**6,
    "Fri, 31 Dec 1999 23:59:59 GMT": lambda seconds: seconds == 0,
    "-5": lambda seconds: seconds is None,
    "soon": lambda seconds: seconds is None,
    "": lambda seconds: seconds is None,
    "٣": lambda seconds: seconds is None,
}


@pytest.mark.parametrize(("header", "right"), WAITS.items())
async def test_retry_after_is_read_in_both_its_forms(header: str, right: Callable[[float | None], bool]) -> None:
    async def answer(_seen: Seen) -> bytes:
        return f"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nRetry-After: {header}\r\n\r\n".encode()

    async with connected(answer) as (_, wire):
        assert right((await wire.post(b"{}", {})).retry_after)


async def test_of_a_long_reply_the_beginning_is_read_and_the_connection_given_up() -> None:
    async with connected(always(500, body=b"x" * 1_000_000)) as (receiver, wire):
        for _ in "12":
            assert (await wire.post(b"{}", {})).text == "x" * wires.SHOWN_CHARACTERS
        assert receiver.connections == 2


async def test_what_a_database_cannot_keep_is_not_in_the_text_of_a_reply() -> None:
    async with connected(always(500, body=b"a\x00b\xff\xed\xa0\x80")) as (_, wire):
        text = (await wire.post(b"{}", {})).text
        assert text.startswith("a\ufffdb\ufffd")
        assert not [character for character in text if character == "\0" or "\ud800" <= character <= "\udfff"]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "TOTAL_SECONDS", 0.3)


@pytest.mark.usefixtures("hurried")
async def test_a_receiver_that_says_nothing_is_left_after_the_time_there_is() -> None:
    async with connected(hang) as (receiver, wire):
        assert await silence(wire) == "timeout"
        receiver.answer = always(204)
        assert (await wire.post(b"{}", {})).status == 204


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("status", [200, 500])
async def test_a_body_that_never_ends_takes_back_no_status(status: int) -> None:
    async def answer(_seen: Seen) -> bytes:
        return f"HTTP/1.1 {status} X\r\nContent-Length: 100\r\n\r\nbegun".encode()

    async with connected(answer) as (receiver, wire):
        for _ in "12":
            answered = await wire.post(b"{}", {})
            assert (answered.status, answered.text) == (status, "begun")
        assert receiver.connections == 2


@pytest.mark.usefixtures("hurried")
async def test_interim_replies_without_end_are_no_reply() -> None:
    async def answer(_seen: Seen) -> bytes:
        return b"HTTP/1.1 100 Continue\r\n\r\n" * 3

    async with connected(answer) as (_, wire):
        assert await silence(wire) == "timeout"


async def test_a_connection_that_breaks_off_is_told_apart_from_nonsense() -> None:
    async with connected(reset) as (receiver, wire):
        assert await silence(wire) == "connection_lost"

        async def nonsense(_seen: Seen) -> bytes:
            return b"220 mail.example.com ESMTP\r\n\r\n"

        receiver.answer = nonsense
        assert await silence(wire) == "invalid_reply"
        assert len(receiver.seen) == 2


async def test_a_kept_connection_that_was_closed_over_there_is_no_failure() -> None:
    async def once_each(seen: Seen) -> bytes | None:
        return None if seen.headers["webhook-id"] == "b" and receiver.connections == 1 else reply(204)

    async with connected(once_each) as (receiver, wire):
        assert (await wire.post(b"{}", {"webhook-id": "a"})).status == 204
        assert (await wire.post(b"{}", {"webhook-id": "b"})).status == 204
        assert (receiver.connections, receiver.ids()) == (2, ["a", "b", "b"])


async def test_nobody_there_is_told_as_such(unused_tcp_port: int) -> None:
    wire = Wire(Egress([f"127.0.0.1:{unused_tcp_port}"]), f"http://127.0.0.1:{unused_tcp_port}/", tls=TLS)
    assert await silence(wire) == "connection_failed"


async def test_a_name_server_that_hangs_takes_no_longer_than_connecting_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wires, "CONNECT_SECONDS", 0.1)

    async def hanging(_host: str, _port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    wire = Wire(Egress(resolve=hanging), "https://crm.example.com/", tls=TLS)
    assert await silence(wire) == "timeout"


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the server's and the client's side of a certificate for one name."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    chain, private = folder / "cert.pem", folder / "key.pem"
    chain.write_bytes(signed.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, private)
    return server, ssl.create_default_context(cafile=str(chain))


async def loopback(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


async def test_R15_name_and_certificate_are_those_of_the_url_though_the_address_is_pinned(tmp_path: Path) -> None:
    server, client = certificate(tmp_path, "crm.example.com")
    asked: list[Any] = []
    server.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with receiving(tls=server) as receiver:
        port = receiver.port
        hosts = [f"crm.example.com:{port}", f"other.example.com:{port}"]
        good = Wire(Egress(hosts, resolve=loopback), f"https://crm.example.com:{port}/", tls=client)
        assert (await good.post(b"{}", {})).status == 204
        assert receiver.seen[0].headers["host"] == f"crm.example.com:{port}"
        await good.close()
        wrong_name = Wire(Egress(hosts, resolve=loopback), f"https://other.example.com:{port}/", tls=client)
        unknown_issuer = Wire(Egress(hosts, resolve=loopback), f"https://crm.example.com:{port}/", tls=TLS)
        assert [await silence(wire) for wire in (wrong_name, unknown_issuer)] == ["tls_failed", "tls_failed"]
        assert asked == ["crm.example.com", "other.example.com", "crm.example.com"]
        assert len(receiver.seen) == 1
