"""The passwords of the console's users: argon2id with the library's parameters, which RFC 9106 recommends."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher()


def hash_user_password(password: str) -> str:
    """Return the hash to keep; takes a tenth of a second, so not for the event loop."""
    return _HASHER.hash(password)


def user_password_fits(password: str, hashed: str | None) -> bool:
    """Whether a password is the one that was hashed; without a hash it takes as long to say no.

    Takes a tenth of a second, so not for the event loop.
    """
    try:
        _HASHER.verify(hashed or _any_hash(), password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False
    return hashed is not None


@cache
def _any_hash() -> str:
    return _HASHER.hash("")
