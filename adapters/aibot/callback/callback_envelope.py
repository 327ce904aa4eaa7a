"""The sealed JSON of an AI bot's callbacks, and of what they are answered with (wecom-protocol.md 2 and 8). Pure."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.wecom.callback.crypto import BAD_PLAINTEXT, BAD_SIGNATURE, CallbackKeys, open_with_any
from adapters.wecom.callback.xml import UNREADABLE, encrypted_part
from pipeline.errors import BadCallback
from pipeline.ports import WebhookRequest

LARGEST_BODY = 512 * 1024
"""Bytes: a question may quote an answer of 20,480 bytes and have 50 pictures, and be escaped before it is sealed."""
_ECHO = re.compile(rb"[A-Za-z0-9_-]{1,64}")
_TIMESTAMP = re.compile(r"[0-9]{10}")
_SIGNATURES = ("msg_signature", "msgsignature", "signature")
"""The parameter's names that were seen; the first is the documented one."""


class CallbackEnvelope:
    """Opens and seals with a bot's keys."""

    def __init__(self, keyring: Sequence[CallbackKeys]) -> None:
        self._keyring = keyring

    def echo(self, call: WebhookRequest) -> str:
        """Return what a verification is answered with. Raises `BadCallback`."""
        echo = call.query.get("echostr")
        if echo is None:
            raise BadCallback("no echostr: not a verification by WeCom", code=BAD_SIGNATURE, status=400, reason="echo")
        plain = self._opened(call, echo)
        # The signature does not tell a message from an echo: whoever kept a sealed message would read it here.
        if _ECHO.fullmatch(plain) is None:
            raise BadCallback("what the echostr seals is no echo of WeCom's", code=BAD_PLAINTEXT, reason="echo")
        return plain.decode("ascii")

    def open(self, call: WebhookRequest) -> Mapping[str, Any]:
        """Return what a callback says. Raises `BadCallback`."""
        plain = self._opened(call, encrypted_part(call.body, limit=LARGEST_BODY))
        try:
            # Strict would refuse the control characters that people's words carry.
            body = json.loads(plain.decode(), strict=False)
        except (ValueError, RecursionError):
            raise BadCallback("the message is no JSON", code=UNREADABLE, status=400) from None
        if not isinstance(body, dict):
            raise BadCallback("the message is no JSON object", code=UNREADABLE, status=400)
        return body

    def seal(self, answer: Mapping[str, Any], call: WebhookRequest) -> str:
        """Return an answer as WeCom takes it: under the nonce of the callback, its time a number."""
        keys = self._keyring[0]
        encrypted = keys.encrypt(json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace"))
        now, nonce = int(time.time()), call.query.get("nonce", "")
        signature = keys.sign(str(now), nonce, encrypted)
        return json.dumps({"encrypt": encrypted, "msgsignature": signature, "timestamp": now, "nonce": nonce})

    def _opened(self, call: WebhookRequest, encrypted: str) -> bytes:
        signature = next((call.query[name] for name in _SIGNATURES if name in call.query), None)
        timestamp, nonce = call.query.get("timestamp"), call.query.get("nonce")
        if signature is None or timestamp is None or nonce is None:
            raise BadCallback("not signed", code=BAD_SIGNATURE, status=400, reason="signature")
        if _TIMESTAMP.fullmatch(timestamp) is None:
            raise BadCallback("the timestamp is not ten digits", code=BAD_SIGNATURE, reason="timestamp")
        return open_with_any(self._keyring, signature, timestamp, nonce, encrypted)
