"""What tells a piece of private data from what only looks like it: check digits, dates, shapes of words.

Each check takes a match and returns the span that is to be masked, None where nothing is.
"""

import re
from datetime import date

Span = tuple[int, int]

_OLDER = 15
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
# The first two digits of a place in China (GB/T 2260).
_PROVINCES = frozenset((*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66)))
_EVERYWHERE = frozenset({10, 71, 81, 82, 83}) | _PROVINCES

_TAX_SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_TAX_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))

# How the numbers of payment cards begin (ISO/IEC 7812-1): not as dates, years and times in milliseconds do.
_ISSUER = re.compile(r"[345689]|2[2-7]")
_SHORT_CARD = re.compile(r"[3-6]")
_SHORT = 15

_PHONE_DIGITS = range(7, 16)
_IBAN_SIGNS = range(15, 35)

# fmt: off
_NO_PASSWORD = frozenset((
    "str", "string", "bytes", "bool", "int", "text", "none", "null", "nil", "true", "false", "required", "optional",
    "varchar", "password", "passwd", "secret", "token", "value", "type", "field", "input", "self", "settings",
    "config", "getpass", "undefined", "empty", "default", "hidden", "your", "yours", "here", "unknown", "forgot",
    "forgotten", "wrong", "incorrect", "invalid", "expired", "reset", "change", "changed", "the", "and", "not",
    "must", "should",
))
# fmt: on
_IDENTIFIER = re.compile(r"[A-Za-z_]+(?:[._][A-Za-z_]+)+")
_CODE = re.compile(r"[(\[]|^[$<{%/]|^\*+$|^[.…-]+$")
_ODD = re.compile(r"[A-Za-z0-9][@#$^&*!~+][A-Za-z0-9]")
_LETTERS = re.compile(r"[A-Za-z]")
_DIGIT = re.compile(r"\d")
_BEHIND = ".,;:?)]}>'\"`"
_LEAST = 3
_KEY_LEAST = 8
_PLATE_LETTERS = 2


def whole(found: re.Match[str]) -> Span:
    """Return all of a match."""
    return found.span()


def first(found: re.Match[str]) -> Span:
    """Return the first group, where the rest is a label."""
    return found.span(1)


def has_digit(found: re.Match[str]) -> Span | None:
    """Return all of a match with a digit in it; words with dashes have none."""
    return found.span() if _DIGIT.search(found[0]) else None


def first_with_digit(found: re.Match[str]) -> Span | None:
    """Return the first group if it has a digit."""
    return found.span(1) if _DIGIT.search(found[1]) else None


def private_key(found: re.Match[str]) -> Span:
    """Return a private key from its first line to its last, or to the end of its signs where that is missing."""
    text = found.string
    last = re.compile(r"-----END [A-Z ]{0,30}PRIVATE KEY-----").search(text, found.end(), found.end() + 20_000)
    body = re.compile(r"[A-Za-z0-9+/=\s\\:,.-]*").match(text, found.end(), found.end() + 20_000)
    return found.start(), last.end() if last else body.end() if body else found.end()


def secret(found: re.Match[str]) -> Span | None:
    """Return the value that a label calls a key: one with letters and digits, or a quoted one."""
    group = "quoted" if found["quoted"] else "bare"
    value = found[group]
    mixed = _DIGIT.search(value) and (_LETTERS.search(value) or len(value) >= 2 * _KEY_LEAST)
    return _trimmed(found, group) if len(value) >= _KEY_LEAST and mixed and not _CODE.search(value) else None


def password(found: re.Match[str]) -> Span | None:
    """Return the value that a label calls a password, unless it is a word of a program or of a sentence."""
    if found["quoted"]:
        return found.span("quoted") if found["quoted"].lower() not in _NO_PASSWORD else None
    span = _trimmed(found, "bare")
    value = found.string[slice(*span)]
    if len(value) < _LEAST or value.lower() in _NO_PASSWORD or _CODE.search(value) or _IDENTIFIER.fullmatch(value):
        return None
    return span


def strong_password(found: re.Match[str]) -> Span | None:
    """Return a value that follows a label with little between them, if no word of a sentence looks like it."""
    start, end = _trimmed(found, "bare")
    value = found.string[start:end]
    odd = _DIGIT.search(value) or _ODD.search(value)
    return (start, end) if odd and len(value) > _LEAST and not _CODE.search(value) else None


def _trimmed(found: re.Match[str], group: str) -> Span:
    """Return a group without the signs of the sentence behind it."""
    start, end = found.span(group)
    while end > start and found.string[end - 1] in _BEHIND and group == "bare":
        end -= 1
    return start, end


def identity(found: re.Match[str]) -> Span | None:
    """Check birthday and check digit of an identity card (GB 11643-1999)."""
    number = _signs(found[0])
    weighed = sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True))
    return found.span() if number[17] == _CHECKS[weighed % 11] and _is_date(number[6:14]) else None


def older_identity(found: re.Match[str]) -> Span | None:
    """Check place and birthday of an identity card of the older kind, which has 15 digits."""
    number = _signs(found[0])
    return found.span() if int(number[:2]) in _PROVINCES and _is_date(f"19{number[6:12]}") else None


def hong_kong_identity(found: re.Match[str]) -> Span | None:
    """Check the check digit of a Hong Kong identity card, which stands in brackets."""
    number = _signs(found[0]).rjust(9)
    # A space counts 36, letters from 10.
    values = [36 if sign == " " else int(sign, 36) for sign in number]
    return found.span() if sum(value * (9 - place) for place, value in enumerate(values)) % 11 == 0 else None


def taiwan_identity(found: re.Match[str]) -> Span | None:
    """Check the check digit of an identity card of Taiwan."""
    number = found[0].upper()
    letter = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(number[0]) + 10
    digits = [letter // 10, letter % 10, *map(int, number[1:])]
    weights = (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)
    weighed = sum(digit * weight for digit, weight in zip(digits, weights, strict=True))
    return found.span() if weighed % 10 == 0 else None


def iban(found: re.Match[str]) -> Span | None:
    """Check the length and the check digits of an account's international number (ISO 13616)."""
    number = _signs(found[0])
    if len(number) not in _IBAN_SIGNS:
        return None
    return found.span() if int("".join(str(int(sign, 36)) for sign in number[4:] + number[:4])) % 97 == 1 else None


def tax_number(found: re.Match[str]) -> Span | None:
    """Check place and check sign of a 统一社会信用代码 (GB 32100-2015)."""
    number = _signs(found[0])
    # Of digits alone it is an identity card, or the number of an order.
    if int(number[2:4]) not in _EVERYWHERE or (number.isdigit() and number[0] != "9"):
        return None
    values = [_TAX_SIGNS.find(sign) for sign in number]
    weighed = sum(value * weight for value, weight in zip(values[:17], _TAX_WEIGHTS, strict=True))
    return found.span() if -1 not in values and values[17] == -weighed % 31 else None


def card(found: re.Match[str]) -> Span | None:
    """Check how a card's number begins, its length, and Luhn's rule (ISO/IEC 7812-1)."""
    number = "".join(filter(str.isdigit, found[0]))
    if not 13 <= len(number) <= 19 or not (_SHORT_CARD if len(number) <= _SHORT else _ISSUER).match(number):  # noqa: PLR2004
        return None
    digits = list(map(int, number))
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]  # noqa: PLR2004 (the rule's)
    return found.span() if (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0 and len(set(digits)) > 1 else None


def mobile(found: re.Match[str]) -> Span | None:
    """Whether digits have only one kind of separator, as a number has: dates and times beside numbers have several."""
    return no_identifier(found) if len(set(found[1]) & {" ", "-"}) <= 1 else None


def no_identifier(found: re.Match[str]) -> Span | None:
    """Refuse digits in the midst of letters, such as a checksum's."""
    text, (start, end) = found.string, found.span()
    within = start > 0 and _LETTERS.match(text, start - 1) and _LETTERS.match(text, end)
    return None if within else (start, end)


def abroad(found: re.Match[str]) -> Span | None:
    """Check that a number with a country's code has as many digits as one can have (ITU-T E.164)."""
    return found.span() if sum(map(str.isdigit, found[0])) in _PHONE_DIGITS else None


def plate(found: re.Match[str]) -> Span | None:
    """Check that a number plate has more digits than letters, as all have."""
    letters = len(_LETTERS.findall(found[1] or ""))
    return found.span() if letters <= _PLATE_LETTERS else None


def _is_date(digits: str) -> bool:
    try:
        date.fromisoformat(digits)
    except ValueError:
        return False
    return True


def _signs(text: str) -> str:
    return "".join(filter(str.isalnum, text)).upper()
