"""A table of the mistakes people make in a chain's file: each is told with its file, line and key, in two languages."""

from pathlib import Path

import pytest

from chains.catalog.config import MOST_BYTES, MOST_TOKENS, parse_chain, read_chain
from pipeline.errors import ChainInvalid
from pipeline.text.i18n import Catalogue, in_language

ENGLISH, CHINESE = Catalogue("en"), Catalogue("zh")
A_CASE = '[[cases]]\ninput = "a"\n'

TABLE = [
    # A key after [options] or another part would silently become one of that part's.
    (
        '[options]\ntemperature = 0.2\nsystem_prompt = "x"',
        3,
        "options.system_prompt",
        "stands after [options]; move it",
    ),
    ('[options]\ntools = ["current_time"]', 2, "options.tools", "stands after [options]; move it above"),
    ("[options]\nTurns = 3", 2, "options.Turns", "stands after [options]"),
    ('[options]\nsystem-promt = "x"', 2, "options.system-promt", "did you mean 'system_prompt'? That stands after"),
    ('[options.extra_body]\nsystem_prompt = "x"', 2, "options.extra_body.system_prompt", "stands after [options.extra"),
    (f'{A_CASE}rubric = "b"\nturns = 3', 4, "cases.1.turns", "stands after [[cases]]; move it above"),
    ('[[examples]]\nuser = "a"\nassistant = "b"\nmodel = "m"', 4, "examples.1.model", "stands after [[examples]]"),
    # What belongs in [options], or in the settings.
    ("temperature = 0.2", 1, "temperature", "belongs in [options]"),
    ("\nmax_tokens = 5", 2, "max_tokens", "belongs in [options]"),
    ("temprature = 0.2", 1, "temprature", "did you mean 'temperature'? It belongs in [options]"),
    ('api_key = "sk-12345"', 1, "api_key", "belongs in the settings"),
    ('[options]\napi_key = "sk-12345"', 2, "options.api_key", "belongs in the settings"),
    ('[options]\nbase_url = "http://x"', 2, "options.base_url", "belongs in the settings"),
    ("[options]\ntimeout = 5", 2, "options.timeout", "belongs in the settings"),
    ("[options]\nmax_retries = 5", 2, "options.max_retries", "belongs in the settings"),
    ('[options]\nAPI-Key = "sk-12345"', 2, "options.API-Key", "belongs in the settings"),
    ("[options]\nstream = true", 2, "options.stream", "webot sets this itself"),
    ("[options.extra_body]\nn = 2", 2, "options.extra_body.n", "webot sets this itself"),
    # A command that nobody can type, and nobody among its users.
    ('command = "@z\\u200bw"', 1, "command", "with a sign that cannot be seen"),
    ('command = "@a"\naliases = ["@b\\u202e"]', 2, "aliases.1", "with a sign that cannot be seen"),
    ('command = "@a"\nusers = [""]', 2, "users.1", "is empty"),
    # Options of a wrong type.
    ('[options]\ntemperature = "hot"', 2, "options.temperature", 'found "hot"; needs a number'),
    ("[options]\ntemperature = true", 2, "options.temperature", "found true; needs a number"),
    ("[options]\ntemperature = -1", 2, "options.temperature", "found -1; needs 0 or more"),
    ("[options]\ntop_p = 1.5", 2, "options.top_p", "found 1.5; needs 1 or less"),
    ("[options]\ntop_p = nan", 2, "options.top_p", "found nan; needs a number that is not infinite"),
    ("[options]\nseed = inf", 2, "options.seed", "found inf; needs a number that is not infinite"),
    ("[options]\nseed = 1.5", 2, "options.seed", "found 1.5; needs a whole number"),
    ("[options]\nmax_tokens = 0", 2, "options.max_tokens", "found 0; needs 1 or more"),
    ("[options]\nstop = [1]", 2, "options.stop", "found [1]; needs text in quotes, or a list"),
    ("[options]\nenable_thinking = 1", 2, "options.enable_thinking", "found 1; needs true or false"),
    ('[options]\nextra_body = "x"', 2, "options.extra_body", 'found "x"; needs a table'),
    ("[options]\nany_day = 2026-11-28", 2, "options.any_day", "found a date or time"),
    ("[options]\nany_hour = 12:30:00", 2, "options.any_hour", "found a date or time"),
    ("[options.extra_body]\nmin = -inf", 2, "options.extra_body.min", "found -inf"),
    ("[options]\ndeep = {list = [1, nan]}", 2, "options.deep.list.2", "found nan"),
    ("options = {temperature = 'hot'}", 1, "options.temperature", "needs a number"),
    ("options.temperature = 'hot'", 1, "options.temperature", "needs a number"),
    ("[options]\ntemprature = 1", 2, "options.temprature", "no such option; did you mean 'temperature'?"),
    ("options = 3", 1, "options", "found 3; needs a table"),
    # Brackets.
    ('[examples]\nuser = "a"\nassistant = "b"', 1, "examples", "write [[examples]] with two brackets"),
    ('turns = 1\n[cases]\ninput = "a"\nrubric = "b"', 2, "cases", "write [[cases]] with two brackets"),
    ("[[options]]\ntemperature = 1", 1, "options", "write [options] with one bracket"),
    # Words and patterns.
    ('command = "＠hr"', 1, "command", "＠ is a full-width character"),
    ('command = "@hr"\naliases = ["﹫hr"]', 2, "aliases.1", "﹫ is a full-width character"),
    ('\naliases = ["@a"]', 2, "aliases", "aliases belong to a command"),
    (f'{A_CASE}matches = "\\bword\\b"', 3, "cases.1.matches", "put the pattern in single quotes"),
    (f"{A_CASE}matches = '('", 3, "cases.1.matches", "not a regular expression"),
    ('tools = [\n  "current_time",\n  "draw",\n]', 1, "tools.2", "found 'draw'; there are"),
    ("Turns = 3", 1, "Turns", "did you mean 'turns'?"),
    ("turns = 3.0", 1, "turns", "found 3.0; needs a whole number"),
    ('spoken = "loud"', 1, "spoken", 'found "loud"; needs "never", "to_voice", "always"'),
]


@pytest.mark.parametrize(("text", "line", "key", "said"), TABLE, ids=[f"{row[2]}: {row[0][-24:]}" for row in TABLE])
def test_a_mistake_is_told_with_its_file_line_and_key(text: str, line: int, key: str, said: str) -> None:
    with pytest.raises(ChainInvalid) as raised:
        parse_chain(text, name="it", source="it.toml")
    english = [in_language(problem, ENGLISH) for problem in raised.value.problems]
    chinese = [in_language(problem, CHINESE) for problem in raised.value.problems]

    assert f"it.toml:{line}: {key}: " in english[0]
    assert said in english[0]
    assert f"it.toml:{line}: {key}: " in chinese[0]
    assert "needs" not in chinese[0]
    assert "sk-12345" not in english[0]
    assert english == [str(problem) for problem in raised.value.problems]


SYNTAX = [
    ("command = “@hr”", 1, "Chinese quotation marks “", "这里用了中文引号 “"),
    ("description = ‘x’", 1, "Chinese quotation marks ‘", "这里用了中文引号 ‘"),
    ("description = 「x」", 1, "Chinese quotation marks 「", "这里用了中文引号 「"),
    ("description = ＂x＂", 1, "Chinese quotation marks ＂", "这里用了中文引号 ＂"),
    ('turns = 1\ncommand ＝ "@hr"', 2, "full-width ＝: write =", "这里用了全角的 ＝"),
    ('command = "@a"\naliases = ["@b"，"@c"]', 2, "full-width ，: write ,", "这里用了全角的 ，"),
    ('keywords = ["a"、"b"]', 1, "full-width 、: write ,", "这里用了全角的 、"),
    ("command = ＠hr", 1, "full-width ＠: write @", "这里用了全角的 ＠"),
    ('model："x"', 1, "full-width ：", "这里用了全角的 ："),
    ("【options】", 1, "full-width 【: write [", "这里用了全角的 【"),
    ("turns = １", 1, "full-width １: write 1", "这里用了全角的 １"),
    (f'{A_CASE}matches = "\\d+"', 3, "put the text in single quotes, such as '\\d+'", "请改用单引号"),
    ('description = "C:\\users"', 1, "put the text in single quotes", "请改用单引号"),
    ("command = @hr", 1, 'write command = "@hr"', 'command = "@hr"'),
    ("spoken = always", 1, 'write spoken = "always"', 'spoken = "always"'),
    ("[options]\nenable_thinking = True", 2, "true or false in small letters", "小写的 true 或 false"),
    ("turns: 3", 1, "write = after a key, not a colon", "不是冒号"),
    ("turns =", 1, "nothing stands after =", "等号后面没有值"),
    ('model "x"', 1, "a line is a key, =, and a value", "键 = 值"),
    ("turns = 1\nturns = 2", 2, "stands twice", "写了两次"),
    ("[options]\n[options]", 2, "stands twice", "写了两次"),
    ('turns = 1\nsystem_prompt = """\na\n\nb', 2, 'begins in line 2 with """ never ends', "从第 2 行"),
    ('system_prompt = "a\nb"', 1, 'end it with "', '用 " 结束'),
    ('keywords = ["a" "b"]', 1, "a list is never closed or lacks a comma", "少了逗号"),
    ("[options\ntemperature = 1", 1, "a line in brackets must be closed", "方括号"),
]


@pytest.mark.parametrize(("text", "line", "english", "chinese"), SYNTAX, ids=[row[0][-24:] for row in SYNTAX])
def test_a_text_that_is_no_toml_gets_a_hint(text: str, line: int, english: str, chinese: str) -> None:
    with pytest.raises(ChainInvalid) as raised:
        parse_chain(text, name="it", source="it.toml")
    (problem,) = raised.value.problems

    assert f"it.toml:{line}: not TOML: " in problem
    assert english in problem
    assert chinese in in_language(problem, CHINESE)
    assert f"it.toml:{line}: 不是合法的 TOML：" in in_language(problem, CHINESE)


@pytest.mark.parametrize("text", ["", " \n\n", "\ufeff"], ids=["0 bytes", "white space", "a byte order mark"])
def test_no_text_is_no_chain(text: str, tmp_path: Path) -> None:
    file = tmp_path / "it.toml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ChainInvalid, match="empty; a chain that is all defaults needs a line"):
        read_chain(file)
    file.write_text("# all defaults", encoding="utf-8")
    assert "default" == read_chain(file).model


def test_a_prompt_has_a_bound(tmp_path: Path) -> None:
    file = tmp_path / "it.toml"
    file.write_text(f'system_prompt = "{"x" * MOST_BYTES}"')
    with pytest.raises(ChainInvalid, match="has 524,306 bytes, a chain has 524,288 at most"):
        read_chain(file)
    file.write_text(f'turns = 1\nsystem_prompt = "{"字" * (MOST_TOKENS * 8 // 5)}"', encoding="utf-8")
    with pytest.raises(ChainInvalid, match=r"it.toml:2: system_prompt: about 104,001 tokens before every question"):
        read_chain(file)


@pytest.mark.parametrize(
    "text",
    [
        "[options]\ntop_k = 20\nany_new_option = 3\nthinking = {type = 'enabled'}\nuser = 'x'",
        "[options]\nstop = ['a', 'b']\nlogit_bias = {50256 = -100}\nresponse_format = {type = 'json_object'}",
        "[options.extra_body.chat_template_kwargs]\nenable_thinking = false",
        "description = '他说：“你好，＠所有人”'",
        "system_prompt = '''\n[options]\ntemperature ＝ “hot”\n'''",
    ],
)
def test_what_is_no_mistake_is_taken(text: str) -> None:
    assert "it" == parse_chain(text, name="it", source="it.toml").name
