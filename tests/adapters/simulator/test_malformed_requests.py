"""Whatever is sent to the API is answered with an errcode: nothing makes it fall over."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.api.qyapi import ROUTES, SimulatedApi, SimulatedRequest
from adapters.simulator.platform.apps import invent_app
from adapters.simulator.platform.state import Platform
from tests.adapters.simulator.conftest import AGENT

_APP = invent_app(agent_id=AGENT)

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=10) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=10,
)
_BUTTON = st.fixed_dictionaries({}, optional=dict.fromkeys(("type", "name", "key", "url", "sub_button"), _JSON))
_HEADS = st.sampled_from([b'name="media"; filename="a"', b"name=media", b"", b'filename="\\"'])
_KINDS = ("text", "image", "video", "textcard", "news", "mpnews", "miniprogram_notice", "template_card")
_FIELDS = ("content", "media_id", "title", "description", "url", "articles", "appid", "card_type", "task_id", "button")


def _errcode(route: str, query: dict[str, str], body: bytes = b"", content_type: str = "") -> object:
    platform = Platform()
    platform.register(_APP)
    token, _ = platform.tokens.issue(_APP)
    response = SimulatedApi(platform).answer(
        SimulatedRequest(route, "POST", query | {"access_token": token}, body, content_type)
    )
    return json.loads(response.body)["errcode"]


@pytest.mark.parametrize("route", ROUTES)
@given(body=st.binary() | _JSON.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")))
def test_any_body_is_answered_on_every_route(route: str, body: bytes) -> None:
    assert isinstance(_errcode(route, {"agentid": str(AGENT)}, body), int)


@given(kind=st.sampled_from(_KINDS), fields=st.dictionaries(st.sampled_from(_FIELDS), _JSON), more=_JSON)
def test_a_message_of_any_content_is_answered(kind: str, fields: dict[str, object], more: object) -> None:
    order = {"touser": "zhangsan", "agentid": AGENT, "msgtype": kind, kind: fields, "duplicate_check_interval": more}
    body = json.dumps(order | {"enable_duplicate_check": 1}, ensure_ascii=False).encode("utf-8", "replace")

    assert isinstance(_errcode("message/send", {}, body), int)


@given(buttons=st.lists(_BUTTON, max_size=6))
def test_a_menu_of_any_buttons_is_answered(buttons: list[dict[str, object]]) -> None:
    body = json.dumps({"button": buttons}, ensure_ascii=False).encode("utf-8", "replace")

    assert isinstance(_errcode("menu/create", {"agentid": str(AGENT)}, body), int)


@given(
    kind=st.sampled_from(["image", "voice", "video", "file"]),
    data=st.binary() | st.binary(max_size=50).map(lambda data: b"#!AMR\n" + data),
    head=_HEADS | st.binary(max_size=30),
)
def test_any_upload_is_answered(kind: str, data: bytes, head: bytes) -> None:
    body = b"--b\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n--b--\r\n" % (head, data)

    assert isinstance(_errcode("media/upload", {"type": kind}, body, "multipart/form-data; boundary=b"), int)


@given(query=st.dictionaries(st.sampled_from(["userid", "department_id", "media_id", "agentid"]), st.text(max_size=30)))
@pytest.mark.parametrize("route", ["user/get", "user/simplelist", "agent/get", "menu/get"])
def test_any_query_is_answered(route: str, query: dict[str, str]) -> None:
    assert isinstance(_errcode(route, query), int)
