"""Masking of personal data on its way out, by the caller's permission tier."""

import re
from enum import StrEnum


class Tier(StrEnum):
    """权限等级: what a key is shown of personal data (004 5.2: sensitive, general, public)."""

    PUBLIC = "public"  # nothing of a person
    GENERAL = "general"  # masked, enough to recognise a caller
    SENSITIVE = "sensitive"  # in full; every look is logged


# Digits and signs that people type in full width or with a long dash, one character for one.
_PLAIN = str.maketrans("０１２３４５６７８９＠．－‐‑–—（）＋Ｘｘ\u3000\xa0", "0123456789@.-----()+Xx  ")
_CARD = re.compile(r"(?<!\d)(?:\d{13,19}|\d{4}(?:[- ]\d{4}){3}(?:[- ]\d{1,3})?|\d{6}[- ]\d{10,13})(?!\d)")
_CARD_BEGINNINGS = "34569"  # what the cards of the networks in use begin with
_PATTERNS = (
    re.compile(r"[\w.%+-]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}", re.ASCII),
    re.compile(r"(?<!\d)\d{6}[- ]?(?:19|20)\d{2}[- ]?\d{4}[- ]?\d{3}[\dXx](?!\d)"),  # identity card
    _CARD,
    re.compile(r"(?<!\d)(?:\+?86[-. ]?)?1[3-9](?:[-. ]?\d){9}(?!\d)"),  # mobile
    re.compile(r"(?<!\d)\(?0\d{2,3}[-) ]{0,2}\d{3,4}[- ]?\d{4}(?!\d)"),  # landline
)
# What every pattern needs: an @, or ten digits near together. Most texts have neither, and are searched once.
# In this form since a search for one set of characters is quicker than one for either of two things.
_SUSPECT = re.compile(r"[@＠\d](?:(?<=[@＠])|(?:\D{0,2}\d){9})")
_APART = " " * 3  # more than what stands between the digits of one number


def mask_phone(phone: str) -> str:
    """`+8613800001234` → `138****1234`; short numbers keep two digits, very short ones none."""
    digits = phone.removeprefix("+86").removeprefix("+")
    if len(digits) < 8:
        kept = digits[-2:] if len(digits) > 4 else ""
        return kept.rjust(len(digits), "*")
    return f"{digits[:3]}****{digits[-4:]}"


def mask_name(name: str) -> str:
    """`张三丰` → `张**`."""
    return name[:1] + "*" * min(max(len(name) - 1, 1), 3)


def mask_email(email: str) -> str:
    """`wang@example.com` → `w***@example.com`."""
    user, _, domain = email.partition("@")
    return f"{user[:1] if len(user) > 1 else ''}***@{domain}"


_DISTRICT_SIGN = "(?:(?<![小社园校厂院])区|县|(?<!红)旗)"  # 小区, 红旗路 and the like are no districts
_DISTRICT = re.compile(
    f"^(?:.{{2,8}}?(?:省|自治区))?.{{0,20}}?(?:{_DISTRICT_SIGN}|市(?!.{{0,12}}{_DISTRICT_SIGN}))", re.DOTALL
)


def mask_address(address: str) -> str:
    """Keep an address down to its district: `浙江省杭州市西湖区…` stays `浙江省杭州市西湖区***`."""
    match = _DISTRICT.match(address)
    beginning = address[:2] if len(address) > 4 else ""
    return f"{match[0] if match else beginning}***"


def may_identify(*texts: str) -> bool:
    """Tell whether there may be anything to mask in some texts; most are told from the rest by one look at all."""
    return _SUSPECT.search(_APART.join(texts)) is not None


def mask_text(text: str) -> str:
    """Blank out phones, emails, identity and card numbers in free text.

    The text keeps its length, so that positions in it stay right, and the numbers their ends.
    """
    if not may_identify(text):
        return text
    plain = text.translate(_PLAIN)
    masked = plain
    for pattern in _PATTERNS:
        masked = pattern.sub(_blanked, masked)
    if masked == plain:
        return text
    return "".join("*" if hidden == "*" else shown for shown, hidden in zip(text, masked, strict=True))


def _blanked(match: re.Match[str]) -> str:
    found = match[0]
    if match.re is _CARD and found[0] not in _CARD_BEGINNINGS and not _has_check_digit(found):
        return found  # an order number, most likely, which staff must be able to read
    user, at, domain = found.rpartition("@")
    if at:
        return f"{user[: len(user) > 1].ljust(len(user), '*')}@{domain}"
    return f"{found[:3]}{'*' * (len(found) - 7)}{found[-4:]}"


def _has_check_digit(number: str) -> bool:
    """Tell whether the last digit of a card's number fits the others (Luhn)."""
    digits = [int(digit) for digit in reversed(number) if digit.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
