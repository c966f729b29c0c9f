"""Masking of personal data on its way out, by the caller's permission tier."""

import re
from enum import StrEnum


class Tier(StrEnum):
    """权限等级: what a key is shown of personal data (004 5.2: sensitive, general, public)."""

    PUBLIC = "public"  # nothing of a person
    GENERAL = "general"  # masked, enough to recognise a caller
    SENSITIVE = "sensitive"  # in full; every look is logged


# What stands between two digits of a number in running text.
_PATTERNS = (
    re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}"),
    re.compile(r"(?<!\d)\d{6}(?:19|20)\d{9}[\dXx](?!\d)"),  # identity card
    re.compile(r"(?<!\d)\d{13,19}(?!\d)"),  # bank card
    re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)"),  # mobile
    re.compile(r"(?<!\d)0\d{2,3}[- ]?\d{7,8}(?!\d)"),  # landline
)


def mask_phone(phone: str) -> str:
    """`+8613800001234` → `138****1234`; short numbers keep their last two digits."""
    digits = phone.removeprefix("+86").removeprefix("+")
    if len(digits) < 8:
        return "*" * (len(digits) - 2) + digits[-2:]
    return f"{digits[:3]}****{digits[-4:]}"


def mask_name(name: str) -> str:
    """`张三丰` → `张**`."""
    return name[:1] + "*" * min(max(len(name) - 1, 1), 3)


def mask_email(email: str) -> str:
    """`wang@example.com` → `w***@example.com`."""
    user, _, domain = email.partition("@")
    return f"{user[:1]}***@{domain}"


_DISTRICT = re.compile(r"^.{0,30}?(?:区|县|旗|市(?!.{0,12}(?:区|县|旗)))")


def mask_address(address: str) -> str:
    """Keep an address down to its district: `浙江省杭州市西湖区…` stays `浙江省杭州市西湖区***`."""
    match = _DISTRICT.match(address)
    return f"{match[0] if match else address[:2]}***"


def mask_text(text: str) -> str:
    """Blank out phones, emails, identity and card numbers in free text, keeping its length and its ends readable."""
    for pattern in _PATTERNS:
        text = pattern.sub(_blanked, text)
    return text


def _blanked(match: re.Match[str]) -> str:
    found = match[0]
    if "@" in found:
        return mask_email(found)
    return f"{found[:3]}{'*' * (len(found) - 7)}{found[-4:]}" if len(found) > 8 else "*" * len(found)
