import io
import json
from functools import partial

import pytest
import structlog

from pipeline.settings import Log
from tests.processor_time import costs_less_than
from web.logs.redaction import MASK, Redactor, is_secret
from web.logs.setup import configure_logs


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "API_KEY",
        "api-key",
        "secret",
        "corpsecret",
        "token",
        "access_token",
        "previous_token",
        "previous_encoding_aes_key",
        "password",
        "password_hash",
        "Authorization",
        "Proxy-Authorization",
        "echostr",
        "msg_signature",
        "mytoken",
        "Ocp-Apim-Subscription-Key",
        "app_key",
        "x-api-key",
        "secretKey",
    ],
)
def test_a_name_that_promises_a_secret_is_known(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["key", "input_tokens", "max_tokens", "event", "path", "secretary", "corp_id"])
def test_a_name_that_only_looks_like_one_is_not(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("GET /cgi-bin/x?access_token=abc-1_2&debug=1", f"GET /cgi-bin/x?access_token={MASK}&debug=1"),
        ("?corpid=ww1&corpsecret=xyz", f"?corpid=ww1&corpsecret={MASK}"),
        ("/gpt?msg_signature=5c4&timestamp=1&echostr=P9n%3D", f"/gpt?msg_signature={MASK}&timestamp=1&echostr={MASK}"),
        ('{"access_token":"abc","expires_in":7200}', f'{{"access_token":"{MASK}","expires_in":7200}}'),
        ("{'token': 'abc', 'a': 1}", f"{{'token': '{MASK}', 'a': 1}}"),
        (r"\"api_key\": \"abc\", \"x\": 1", rf"\"api_key\": \"{MASK}\", \"x\": 1"),
        ("App(secret='abc', id=1)", f"App(secret='{MASK}', id=1)"),
        ("Authorization: Bearer abc.def-ghi", f"Authorization: Bearer {MASK}"),
        ("Incorrect API key provided: sk-proj-abcdefgh123", f"Incorrect API key provided: sk-{MASK}"),
        ("postgresql+asyncpg://me:p4ss@db/webot", f"postgresql+asyncpg://me:{MASK}@db/webot"),
        ("http://me:p4ss@proxy:3128 refused", f"http://me:{MASK}@proxy:3128 refused"),
        ("http://mcp.example.com/sse?key=abc-1&x=1 refused", f"http://mcp.example.com/sse?key={MASK}&x=1 refused"),
        ("?api-key=abc&mytoken=def&subscription-key=ghi", f"?api-key={MASK}&mytoken={MASK}&subscription-key={MASK}"),
        ("app_key=abc&sign=0f1e, x", f"app_key={MASK}&sign={MASK}, x"),
        ('{"app_key": "abc", "sign": "a\\"b", "x": 1}', f'{{"app_key": "{MASK}", "sign": "{MASK}", "x": 1}}'),
        ('{"my-token":"abc"}', f'{{"my-token":"{MASK}"}}'),
        ("x-api-key: abc, Accept: text", f"x-api-key: {MASK}, Accept: text"),
        ("authorization: abc", f"authorization: {MASK}"),
        ("Authorization: Basic bWU6cDRzcw==", f"Authorization: Basic {MASK}"),
        ("ghp_0123456789abcdefABCD gone", f"ghp_{MASK} gone"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln gone", f"{MASK} gone"),
        ("input_tokens=5 turns=3 key=a/b", "input_tokens=5 turns=3 key=a/b"),
        ("design=a signal=b primary_key=c sort_key=d", "design=a signal=b primary_key=c sort_key=d"),
        ("a basic understanding of the token economy", "a basic understanding of the token economy"),
        ('File "a.py", line 1, in f\n    raise KeyError(key)', 'File "a.py", line 1, in f\n    raise KeyError(key)'),
        ("the task-force met at http://host:80/@me", "the task-force met at http://host:80/@me"),
        ("a basic idea", "a basic idea"),
    ],
)
def test_what_looks_like_a_secret_is_masked_and_the_rest_is_left(text: str, masked: str) -> None:
    assert masked == Redactor().text(text)


def test_a_known_secret_is_masked_however_it_is_written() -> None:
    secret = 'pä"ss/w+rd&'
    masker = Redactor([secret])

    assert f"<{MASK}>" == masker.text(f"<{secret}>")
    assert "{" + f'"x": "{MASK}"' + "}" == masker.text(json.dumps({"x": secret}))
    assert f"?x={MASK}" == masker.text("?x=p%C3%A4%22ss%2Fw%2Brd%26")


def test_the_password_of_a_secret_address_is_a_secret_too() -> None:
    assert f"password {MASK} refused" == Redactor(["postgresql://me:p%40ss!@db/x"]).text("password p@ss! refused")


def test_the_longer_of_two_secrets_goes_first() -> None:
    assert MASK == Redactor(["abcd", "abcdefgh"]).text("abcdefgh")


def test_a_very_short_secret_does_not_mask_every_word() -> None:
    assert "a line" == Redactor(["a", ""]).text("a line")


def test_values_are_masked_at_every_depth() -> None:
    value = {"headers": [{"Authorization": "x", "n": 1}], "inner": {"token": "", "list": ("sk-12345678",)}}

    assert {
        "headers": [{"Authorization": MASK, "n": 1}],
        "inner": {"token": "", "list": [f"sk-{MASK}"]},
    } == Redactor().value("payload", value)


def test_an_object_is_shown_by_its_masked_repr() -> None:
    assert f"ValueError('?token={MASK}')" == Redactor().value("error", ValueError("?token=abc"))


def test_a_secret_that_is_a_number_is_masked_and_one_that_is_not_set_is_not() -> None:
    assert [MASK, None, "", 5] == [
        Redactor().value("token", 12345678),
        Redactor().value("token", None),
        Redactor().value("token", ""),
        Redactor().value("turns", 5),
    ]


_UNITS = (
    "a_", "a-", "_", "-", "=", "token", "token=", 'token="', "token='", '"token"', '"token":', '"token":"',
    '"token":\'', '\\"token\\":\\"', '"', "\\", '\\"', "sk-", "eyJ", "eyJ-", "eyJ.", "://", "://a:", "://:", "@",
    "bearer ", "basic ", "Authorization: ", "x-key:", "-key",
    "?key=", "&sign=", "api_", " ", "\n", "a", "A", "AIza", "ghp_", "xoxb-", "字",
)  # fmt: skip


@pytest.mark.parametrize("unit", _UNITS)
def test_masking_takes_a_time_that_grows_with_the_text_alone(unit: str) -> None:
    masker = Redactor(["a secret of the settings"])
    for end in ("", "=", ":", '"', "'", "@", " x"):
        text = (unit * 40_000)[: 40_000 - len(end)] + end

        assert costs_less_than(0.25, partial(masker.text, text))


def test_a_line_has_so_much_of_a_value_and_the_rest_is_not_looked_at() -> None:
    stream = io.StringIO()
    with configure_logs(Log(format="json"), ["hunter22-hunter22"], stream=stream):
        text = "token=abc " + "a_" * 20_000_000
        log = structlog.get_logger()
        cheap = costs_less_than(0.25, lambda: log.info("said", text=text, nested={"x": ["y" * 3000]}))
    event = json.loads(stream.getvalue().splitlines()[0])

    assert cheap
    assert event["text"].startswith(f"token={MASK} a_a_")
    assert event["text"].endswith("… (40000010 characters)")
    assert 2000 < len(event["text"]) < 2050
    assert "y" * 2000 + "… (3000 characters)" == event["nested"]["x"][0]


@pytest.mark.parametrize("before", range(3960, 4010, 7))
def test_a_secret_is_not_cut_into_one_that_nobody_knows(before: int) -> None:
    secret = "hunter22-hunter22-hunter22"
    masked = Redactor([secret]).value("text", secret * 140 + "x" * (before - 140 * len(secret)) + secret * 9, most=2000)

    assert "hunter" not in str(masked)
