"""The console's password: only its scrypt hash is kept, and checking one takes long enough to make guessing slow."""

import base64
import binascii
import hashlib
import hmac
import secrets

_COST = 2**15
_BLOCK = 8
_LANES = 1
_BYTES = 32
_MOST_COST = 2**20


def hash_password(password: str) -> str:
    """Return `scrypt$COST$BLOCK$LANES$SALT$HASH`, salt and hash in base64: what [console] password_hash wants."""
    salt = secrets.token_bytes(16)
    digest = _scrypt(password, salt, _COST, _BLOCK, _LANES)
    return "$".join(("scrypt", str(_COST), str(_BLOCK), str(_LANES), _written(salt), _written(digest)))


def password_fits(password: str, hashed: str) -> bool:
    """Whether a password is the one that was hashed; takes a tenth of a second, so not for the event loop."""
    try:
        name, cost, block, lanes, salt, digest = hashed.split("$")
        known = base64.b64decode(digest, validate=True)
        if name != "scrypt" or int(cost) > _MOST_COST or not known:
            return False
        found = _scrypt(password, base64.b64decode(salt, validate=True), int(cost), int(block), int(lanes))
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(found, known)


def _scrypt(password: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    # scrypt takes 128 · cost · block bytes, and OpenSSL refuses more than it was told to expect.
    room = 128 * cost * block + 1024 * 1024
    return hashlib.scrypt(password.encode(), salt=salt, n=cost, r=block, p=lanes, dklen=_BYTES, maxmem=room)


def _written(data: bytes) -> str:
    return base64.b64encode(data).decode()
