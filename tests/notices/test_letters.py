"""Notices by email: how a mail server is reached, what its answers mean, and that nothing is smuggled into a letter."""

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from app.core.mail import Encryption, Mailbox
from app.core.settings import Settings
from app.services.notices.courier import Courier, Parcel, advise
from app.services.notices.letters import build_letter, notice_letter
from app.services.notices.outcomes import Outcome
from app.services.rules.clause import Wording
from app.services.rules.notice_wording import Message, word_test
from app.services.rules.notices import ChannelKind
from tests.notices.servers import MailServer, mail_at_work

LOGIN = "duty%40example.com:p%40ss%2Fword"
AT = datetime(2026, 11, 22, 8, 36, 1, tzinfo=UTC)


def courier(url: str | None, **options: Any) -> Courier:
    return Courier(Settings(DATABASE_URL="postgresql://nowhere/x", smtp_url=url, **options))


async def post(url: str | None, to: str = "leader@example.com") -> Outcome:
    return await courier(url).send(Parcel(ChannelKind.EMAIL, to, None, word_test("tableware"), "ntc_" + "0" * 32))


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's certificate that this process trusts, for `localhost`."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = tmp_path / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    async with mail_at_work() as mail:
        yield mail


async def test_a_letter_goes_over_tls_with_a_login(certificate: ssl.SSLContext) -> None:
    async with mail_at_work(certificate, auth_require_tls=False) as mail:
        outcome = await post(f"smtps://{LOGIN}@localhost:{mail.port}")
    assert (outcome.verdict, outcome.status) == ("accepted", 250)
    assert mail.letters[0]["From"].addresses[0].addr_spec == "duty@example.com"


async def test_a_letter_goes_over_starttls_with_a_login(certificate: ssl.SSLContext) -> None:
    async with mail_at_work(tls_context=certificate, require_starttls=True, auth_required=True) as mail:
        outcome = await post(f"smtp://{LOGIN}@localhost:{mail.port}")
    assert (outcome.verdict, len(mail.letters)) == ("accepted", 1)


async def test_a_server_that_offers_no_encryption_gets_neither_password_nor_letter(mail: MailServer) -> None:
    outcome = await post(f"smtp://{LOGIN}@localhost:{mail.port}")
    assert (outcome.verdict, mail.letters) == ("later", [])


async def test_a_server_nobody_vouches_for_gets_neither(
    certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    async with mail_at_work(certificate, auth_require_tls=False) as mail:
        outcome = await post(f"smtps://{LOGIN}@localhost:{mail.port}")
    assert (outcome.verdict, outcome.status, mail.letters) == ("later", None, [])


async def test_a_wrong_login_is_tried_again_since_it_is_mended_for_all_at_once(certificate: ssl.SSLContext) -> None:
    async with mail_at_work(certificate, auth_require_tls=False) as mail:
        outcome = await post(f"smtps://duty%40example.com:wrong@localhost:{mail.port}")
    assert (outcome.verdict, outcome.status, mail.letters) == ("later", 535, [])
    advice = advise(ChannelKind.EMAIL, outcome.status, outcome.code, outcome.text)
    assert advice is not None
    assert "AFTERSALES_SMTP_URL" in advice.en


@pytest.mark.parametrize(
    ("refusal", "verdict", "status"),
    [
        ("550 no such user here", "refused", 550),
        ("552 mailbox full", "refused", 552),
        ("450 greylisted, come back later", "later", 450),
        ("452 too many recipients", "later", 452),
    ],
)
async def test_a_refused_recipient_is_tried_again_only_if_the_server_says_so(
    mail: MailServer, refusal: str, verdict: str, status: int
) -> None:
    mail.refusal = refusal
    outcome = await post(f"smtp+plain://127.0.0.1:{mail.port}")
    assert (outcome.verdict, outcome.status, outcome.text) == (verdict, status, refusal[4:])


async def test_a_server_that_falls_silent_is_given_up(mail: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.notices.courier.SEND_SECONDS", 0.3)
    mail.silent = True
    outcome = await post(f"smtp+plain://127.0.0.1:{mail.port}")
    assert (outcome.verdict, outcome.rest > timedelta(0)) == ("later", True)


async def test_a_server_that_is_not_there_is_tried_again(unused_tcp_port: int) -> None:
    outcome = await post(f"smtp+plain://127.0.0.1:{unused_tcp_port}")
    assert (outcome.verdict, outcome.status) == ("later", None)


async def test_without_a_mail_server_a_letter_says_what_to_set() -> None:
    outcome = await post(None)
    assert outcome.verdict == "refused"
    advice = advise(ChannelKind.EMAIL, outcome.status, outcome.code, outcome.text)
    assert advice is not None
    assert "AFTERSALES_SMTP_URL" in advice.zh


@pytest.mark.parametrize("sign", ["\r\n", "\n", "\r", "\r\nBcc: thief@example.com\r\n\r\n"])
def test_no_header_takes_a_second_line(sign: str) -> None:
    mailbox = Mailbox.parse("smtp+plain://localhost")
    smuggled = Message(Wording(f"工单{sign}", "ticket"), Wording("", ""))
    with pytest.raises(ValueError, match=r"[Hh]eader"):
        build_letter(notice_letter(smuggled, "ntc_0"), "leader@example.com", mailbox, "ntc_0", AT)
    with pytest.raises(ValueError, match=r".+"):
        build_letter(notice_letter(word_test("x"), "ntc_0"), f"leader@example.com{sign}", mailbox, "ntc_0", AT)


ADDRESSES = [
    ("name@example.com", True), ("a.b+c@mail.example.com.cn", True), ("用户@example.com", False), ("name", False),
    ("a,b@example.com", False), ("<a@example.com>", False), ("a@example.com\n", False), ("a@example.com b", False),
    ("a@b@example.com", False), ("a@example.com>\r\nDATA", False), ("a" * 65 + "@example.com", False), ("", False),
    ("a@" + "b" * 260 + ".com", False), ("a\x00@example.com", False), ("a@-", False), ('"a b"@example.com', False),
]  # fmt: skip


@pytest.mark.parametrize(("address", "good"), ADDRESSES)
async def test_an_address_is_one_plain_address(mail: MailServer, address: str, good: bool) -> None:
    to = courier(f"smtp+plain://127.0.0.1:{mail.port}")
    assert to.may_reach(ChannelKind.EMAIL, address) is good
    sent = await to.send(Parcel(ChannelKind.EMAIL, address, None, word_test("x"), "ntc_0"))
    assert (sent.verdict == "accepted") is good
    assert len(mail.letters) == int(good)


URLS = [
    ("smtps://mail.test", Mailbox("mail.test", 465, Encryption.TLS, None, None, "aftersales@mail.test")),
    ("smtp://u%40x.cn:p%3A@h:2525", Mailbox("h", 2525, Encryption.STARTTLS, "u@x.cn", "p:", "u@x.cn")),
    ("smtp+plain://localhost", Mailbox("localhost", 25, Encryption.NONE, None, None, "aftersales@localhost")),
]  # fmt: skip


@pytest.mark.parametrize(("url", "mailbox"), URLS)
def test_the_address_of_a_mail_server(url: str, mailbox: Mailbox) -> None:
    assert Mailbox.parse(url) == mailbox


@pytest.mark.parametrize(
    "url",
    ["mail.example.com", "http://h", "smtps://", "smtp://h/x", "smtp://h?tls=no", "smtp+plain://u:p@h", "smtp://h:x"],
)
def test_what_is_no_mail_server_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r".+") as refused:
        Mailbox.parse(url)
    assert "p@h" not in str(refused.value)
