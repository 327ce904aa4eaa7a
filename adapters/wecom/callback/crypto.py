"""The envelope of WeCom's callbacks: who signed it, what is in it, and how to seal one ourselves.

The algorithm is wecom-protocol.md 2 (SHA-1 over the sorted parts, AES-256-CBC, PKCS#7 to 32 bytes); the numbers in
`BadCallback.code` are that page's.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from Crypto.Cipher import AES
from Crypto.Cipher._mode_cbc import CbcMode

from pipeline.errors import BadCallback

BAD_SIGNATURE = -40001
BAD_KEY = -40004
NOT_FOR_US = -40005
NOT_DECRYPTED = -40007
BAD_PLAINTEXT = -40008
NOT_BASE64 = -40010

KEY_CHARACTERS = 43
"""What an EncodingAESKey has."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]+")
_BLOCK = 32
_PREFIX = 16
_LENGTH = 4


@dataclass(frozen=True, slots=True)
class CallbackKeys:
    """What one app and WeCom share: the token signs, the key of 32 bytes encrypts, the receive id says for whom.

    `receive_id` is the corp id for a self-built application and empty for an AI bot.
    """

    token: str = field(repr=False)
    key: bytes = field(repr=False)
    receive_id: str

    @classmethod
    def of(cls, token: str, encoding_aes_key: str, receive_id: str) -> Self:
        """Read the 43 characters of an EncodingAESKey; `BadCallback` -40004 when they are not a key."""
        return cls(token, _key_from(encoding_aes_key), receive_id)

    def sign(self, timestamp: str, nonce: str, encrypted: str) -> str:
        """Return the signature WeCom would put into `msg_signature`, in lower-case hex."""
        parts = sorted(_bytes(part) for part in (self.token, timestamp, nonce, encrypted))
        return hashlib.sha1(b"".join(parts)).hexdigest()  # noqa: S324 - the platform's algorithm, not our choice

    def open(self, signature: str, timestamp: str, nonce: str, encrypted: str) -> bytes:
        """Verify and decrypt; `BadCallback` says which of the two failed, and never what was inside."""
        if not hmac.compare_digest(_bytes(self.sign(timestamp, nonce, encrypted)), _bytes(signature)):
            raise BadCallback("the signature does not match", code=BAD_SIGNATURE, reason="signature")
        return self.decrypt(encrypted)

    def decrypt(self, encrypted: str) -> bytes:
        """Return the message inside; checks every byte of padding, the length and the receive id."""
        try:
            sealed = base64.b64decode(encrypted, validate=True)
        except ValueError as error:
            raise BadCallback("the encrypted part is not base64", code=NOT_BASE64, status=400) from error
        if not sealed or len(sealed) % AES.block_size:
            raise BadCallback("the encrypted part is not whole AES blocks", code=NOT_DECRYPTED, status=400)
        return self._message_in(self._cipher().decrypt(sealed))

    def encrypt(self, message: bytes, *, prefix: bytes | None = None) -> str:
        """Encrypt a message as WeCom does; `prefix` replaces the 16 random bytes, for a predictable result."""
        start = secrets.token_bytes(_PREFIX) if prefix is None else prefix
        plain = start + len(message).to_bytes(_LENGTH, "big") + message + _bytes(self.receive_id)
        pad = _BLOCK - len(plain) % _BLOCK
        return base64.b64encode(self._cipher().encrypt(plain + bytes([pad]) * pad)).decode("ascii")

    def _message_in(self, padded: bytes) -> bytes:
        pad = padded[-1]
        # WeCom pads to 32, not to AES's 16: the usual unpadders refuse half of its messages.
        if len(padded) % _BLOCK or not 1 <= pad <= _BLOCK or padded[-pad:] != bytes([pad]) * pad:
            raise BadCallback("the padding is not PKCS#7 to 32 bytes", code=BAD_PLAINTEXT, status=400)
        plain = padded[_PREFIX:-pad]
        end = _LENGTH + int.from_bytes(plain[:_LENGTH], "big")
        if len(plain) < _LENGTH or end > len(plain):
            raise BadCallback("the length field says more than there is", code=BAD_PLAINTEXT, status=400)
        if not hmac.compare_digest(plain[end:], _bytes(self.receive_id)):
            raise BadCallback("the receive id is somebody else's", code=NOT_FOR_US, reason="receiver")
        return plain[_LENGTH:end]

    def _cipher(self) -> CbcMode:
        # A cipher keeps its state, so each message needs its own.
        return AES.new(self.key, AES.MODE_CBC, iv=self.key[:_PREFIX])


def open_with_any(keyring: Sequence[CallbackKeys], signature: str, timestamp: str, nonce: str, encrypted: str) -> bytes:
    """Open with the first pair that can, so that a change of token and key loses nothing under way.

    When none can, the refusal of the pair that came furthest is raised: a bad signature says less than a bad key.
    """
    refusals: list[BadCallback] = []
    for keys in keyring:
        try:
            return keys.open(signature, timestamp, nonce, encrypted)
        except BadCallback as refusal:
            refusals.append(refusal)
    raise next((refusal for refusal in refusals if refusal.code != BAD_SIGNATURE), refusals[0])


def _key_from(encoding_aes_key: str) -> bytes:
    if len(encoding_aes_key) != KEY_CHARACTERS:
        raise BadCallback(
            f"an EncodingAESKey has {KEY_CHARACTERS} characters, this one {len(encoding_aes_key)}", code=BAD_KEY
        )
    if _BASE64.fullmatch(encoding_aes_key) is None:
        raise BadCallback("an EncodingAESKey is letters and digits only", code=BAD_KEY)
    # 43 characters and "=" are 258 bits for 256: real keys have bits left over, so no strict decoder here.
    return base64.b64decode(encoding_aes_key + "=")


def _bytes(text: str) -> bytes:
    # A query may decode to lone surrogates, which UTF-8 has no bytes for; "?" never signs correctly.
    return text.encode("utf-8", "replace")
