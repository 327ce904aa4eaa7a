"""Callbacks as an attacker, a broken proxy or a bad day would send them, without end and the same for a seed."""

import json
from collections.abc import Callable, Iterator, Sequence
from random import Random

from adapters.wecom.callback.crypto import CallbackKeys
from pipeline.ports import WebhookRequest

LIMIT = 64 * 1024

_ODD_VALUES = (
    "", " ", "0", "-1", "1e999", "nan", "inf", "²", "٣", "9" * 400, "x" * 5000, "字" * 3000, "@all", "a|b",
    "../../etc", "\x00", "\x0b", "\x1b[31m", "\ufffe", "\u202e", "👩‍👩‍👧‍👦", "]]>", "<![CDATA[", "<a>", "&lt;",
    "&nosuch;", "&#0;", "%s%n", "{0}", "' OR 1=1 --", "sys", "event", "text", "change_contact", "LOCATION",
    "template_card_event", "location_select",
)  # fmt: skip
_FIELDS = (
    "ToUserName", "FromUserName", "CreateTime", "MsgType", "Event", "EventKey", "MsgId", "AgentID", "AgentId",
    "Content", "MediaId", "Location_X", "Location_Y", "Latitude", "Longitude", "Precision", "Label", "SendLocationInfo",
    "ScanCodeInfo", "SelectedItems", "BatchJob", "TaskId", "ChangeType", "Encrypt",
)  # fmt: skip
_KINDS = ("text", "image", "voice", "video", "location", "link", "event", "nosuch", "")
_EVENTS = (
    "subscribe", "enter_agent", "click", "LOCATION", "location_select", "scancode_push", "template_card_event",
    "change_contact", "kf_msg_or_event", "nosuch", "",
)  # fmt: skip
_BOMBS = (
    b"<a>" * 21000,
    b"<a>" * 9000 + b"</a>" * 9000,
    b"<xml>" + b"<a/>" * 16000 + b"</xml>",
    b'{"encrypt":' + b"[" * 60000,
    b'{"a":' * 12000,
    b'<!DOCTYPE x [<!ENTITY a "' + b"ha" * 20000 + b'"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><xml>&b;&b;&b;</xml>',
    b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml><Encrypt>&x;</Encrypt></xml>',
    b'<?xml version="1.0" encoding="gbk"?><xml><Encrypt>\xc4\xe3</Encrypt></xml>',
    b'<?xml version="1.0" encoding="punycode"?><xml><Encrypt>a</Encrypt></xml>',
    b"<xml " + b" ".join(b'a%d="x"' % number for number in range(6000)) + b"><Encrypt>a</Encrypt></xml>",
    b"<xml><Encrypt>" + b"A" * LIMIT + b"</Encrypt></xml>",
    b"<xml><Encrypt><![CDATA[" + b"]]]]" * 10000,
)


def hostile_callbacks(seed: int, keys: CallbackKeys, *, agent_id: int = 1) -> Iterator[WebhookRequest]:
    """Yield calls for the app of these keys; some verify and are readable, most are not, none may do harm."""
    random = Random(seed)  # noqa: S311 - the same for a seed is the point
    ways: Sequence[Callable[[Random, CallbackKeys, int], WebhookRequest]] = (
        _noise, _flipped, _cut, _badly_signed, _bomb, _signed_bomb, _signed_noise, _odd_fields, _odd_fields, _odd_json,
        _odd_sealing, _odd_query, _odd_echo,
    )  # fmt: skip
    while True:
        yield random.choice(ways)(random, keys, agent_id)


def sealed(
    keys: CallbackKeys, message: bytes, *, random: Random | None = None, as_json: bool = False
) -> WebhookRequest:
    """Make the call WeCom would make for a message."""
    encrypted = keys.encrypt(message, prefix=random.randbytes(16) if random else None)
    return _signed(keys, encrypted, as_json=as_json)


def _signed(keys: CallbackKeys, encrypted: str, *, as_json: bool = False) -> WebhookRequest:
    timestamp, nonce = "1409659813", "1372623149"
    query = {
        "msg_signature": keys.sign(timestamp, nonce, encrypted),
        "timestamp": timestamp,
        "nonce": nonce,
    }
    body = (
        json.dumps({"tousername": "x", "encrypt": encrypted})
        if as_json
        else f"<xml><ToUserName><![CDATA[x]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    )
    return WebhookRequest("POST", query, body.encode("utf-8", "replace"))


def _good(random: Random, keys: CallbackKeys, agent_id: int) -> WebhookRequest:
    message = (
        f"<xml><ToUserName><![CDATA[{keys.receive_id}]]></ToUserName><FromUserName><![CDATA[mallory]]></FromUserName>"
        f"<CreateTime>1409659813</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[你好]]></Content>"
        f"<MsgId>{random.randrange(10**18)}</MsgId><AgentID>{agent_id}</AgentID></xml>"
    )
    return sealed(keys, message.encode(), random=random)


def _noise(random: Random, _keys: CallbackKeys, _agent_id: int) -> WebhookRequest:
    start = random.choice((b"", b"<", b"<xml>", b"{", b"<xml><Encrypt>", b"\xff\xfe", b"\x00"))
    return WebhookRequest("POST", _garbage_query(random), start + random.randbytes(random.randrange(2000)))


def _flipped(random: Random, keys: CallbackKeys, agent_id: int) -> WebhookRequest:
    call = _good(random, keys, agent_id)
    body = bytearray(call.body)
    for _ in range(random.randrange(1, 6)):
        body[random.randrange(len(body))] ^= 1 << random.randrange(8)
    return WebhookRequest("POST", call.query, bytes(body))


def _cut(random: Random, keys: CallbackKeys, agent_id: int) -> WebhookRequest:
    call = _good(random, keys, agent_id)
    return WebhookRequest("POST", call.query, call.body[: random.randrange(len(call.body))])


def _badly_signed(random: Random, keys: CallbackKeys, agent_id: int) -> WebhookRequest:
    call = _good(random, keys, agent_id)
    return WebhookRequest(
        "POST", {**call.query, random.choice(tuple(call.query)): random.choice(_ODD_VALUES)}, call.body
    )


def _bomb(random: Random, _keys: CallbackKeys, _agent_id: int) -> WebhookRequest:
    return WebhookRequest("POST", _garbage_query(random), random.choice(_BOMBS))


def _signed_bomb(random: Random, keys: CallbackKeys, _agent_id: int) -> WebhookRequest:
    # Base64 makes four bytes of three, and the limit is on the whole body.
    return sealed(keys, random.choice(_BOMBS)[: LIMIT * 7 // 10], random=random)


def _signed_noise(random: Random, keys: CallbackKeys, _agent_id: int) -> WebhookRequest:
    return sealed(keys, random.randbytes(random.randrange(500)), random=random)


def _odd_fields(random: Random, keys: CallbackKeys, agent_id: int) -> WebhookRequest:
    fields = _fields(random, keys, agent_id)
    message = "".join(f"<{name}>{_wrapped(random, value)}</{name}>" for name, value in fields)
    return sealed(keys, f"<xml>{message}</xml>".encode("utf-8", "surrogatepass"), random=random)


def _odd_json(random: Random, keys: CallbackKeys, agent_id: int) -> WebhookRequest:
    odd: tuple[object, ...] = (None, True, 1.5, [], {}, ["a", ["b"]], {"a": {"b": "c"}}, "\ud800", 10**400)
    fields = {
        name: random.choice(odd) if random.random() < 0.2 else value for name, value in _fields(random, keys, agent_id)
    }
    return sealed(keys, json.dumps(fields).encode(), random=random, as_json=True)


def _odd_sealing(random: Random, keys: CallbackKeys, _agent_id: int) -> WebhookRequest:
    good = keys.encrypt(b"<xml/>", prefix=random.randbytes(16))
    encrypted = random.choice(
        (
            good[:-4],
            good + good,
            good[4:] + good[:4],
            good.rstrip("=") + "=",
            good[::-1],
            "=" * 44,
            "A" * 44,
            "",
            "é" * 8,
        )
    )
    return _signed(keys, encrypted)


def _odd_query(random: Random, keys: CallbackKeys, agent_id: int) -> WebhookRequest:
    call = _good(random, keys, agent_id)
    method = random.choice(("GET", "POST", "HEAD", "PUT", "", "post"))
    return WebhookRequest(method, _garbage_query(random), call.body)


def _odd_echo(random: Random, keys: CallbackKeys, _agent_id: int) -> WebhookRequest:
    signed = sealed(keys, random.randbytes(random.randrange(64)), random=random)
    echo = random.choice((*_ODD_VALUES, keys.encrypt(random.randbytes(20), prefix=random.randbytes(16))))
    signature = keys.sign(signed.query["timestamp"], signed.query["nonce"], echo)
    return WebhookRequest("GET", {**signed.query, "msg_signature": signature, "echostr": echo})


def _fields(random: Random, keys: CallbackKeys, agent_id: int) -> list[tuple[str, str]]:
    fields = {
        "ToUserName": keys.receive_id,
        "FromUserName": "mallory",
        "CreateTime": "1409659813",
        "MsgType": random.choice(_KINDS),
        "Event": random.choice(_EVENTS),
        "MsgId": str(random.randrange(10**18)),
        "AgentID": str(agent_id),
    }
    for _ in range(random.randrange(4)):
        fields[random.choice(_FIELDS)] = random.choice(_ODD_VALUES)
    items = list(fields.items())
    if random.random() < 0.3:
        items.append(random.choice(items))
    if random.random() < 0.3:
        items.pop(random.randrange(len(items)))
    random.shuffle(items)
    return items


def _wrapped(random: Random, value: str) -> str:
    return value if random.random() < 0.3 else f"<![CDATA[{value}]]>"


def _garbage_query(random: Random) -> dict[str, str]:
    names = ("msg_signature", "timestamp", "nonce", "echostr", "x")
    return {name: random.choice((*_ODD_VALUES, "\ud800", "0" * 40)) for name in names if random.random() < 0.8}
