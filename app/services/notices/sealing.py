"""A channel's address and signing secret at rest: whoever has a robot's URL speaks in its group."""

from app.core.crypto import KeyRing
from app.core.personal import mask_email
from app.models.notices import NoticeChannel
from app.services.rules.notices import ChannelKind

_ADDRESS, _SECRET = "notice_channel.address_sealed", "notice_channel.secret_sealed"


def seal_address(channel: NoticeChannel, address: str, keyring: KeyRing) -> None:
    channel.address_sealed = keyring.seal({"address": address}, place=_ADDRESS, row=channel.id)
    channel.address_masked = _masked(channel.kind, address)
    hash_address(channel, address, keyring)


def hash_address(channel: NoticeChannel, address: str, keyring: KeyRing) -> None:
    """Leave the keyed hash by which a line has an address once."""
    channel.address_hash = keyring.lookup("notice address", f"{channel.kind} {address}")


def _masked(kind: ChannelKind, address: str) -> str:
    """Show whose server it is, and the last four signs to tell two robots apart."""
    if kind is ChannelKind.EMAIL:
        return mask_email(address)
    server = "/".join(address.split("/", 3)[:3])
    return f"{server}/…{address[-4:]}"


def seal_secret(channel: NoticeChannel, secret: str | None, keyring: KeyRing) -> None:
    sealed = None if secret is None else keyring.seal({"secret": secret}, place=_SECRET, row=channel.id)
    channel.secret_sealed = sealed


def open_address(channel: NoticeChannel, keyring: KeyRing) -> str:
    """Raises: KeyRingInvalid, cryptography's InvalidTag; see `KeyRing.open`."""
    address: str = keyring.open(channel.address_sealed, place=_ADDRESS, row=channel.id)["address"]
    return address


def open_secret(channel: NoticeChannel, keyring: KeyRing) -> str | None:
    """Raises: KeyRingInvalid, cryptography's InvalidTag; see `KeyRing.open`."""
    if channel.secret_sealed is None:
        return None
    secret: str = keyring.open(channel.secret_sealed, place=_SECRET, row=channel.id)["secret"]
    return secret
