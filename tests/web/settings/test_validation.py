"""Settings that cannot be used: each mistake is told with its place, what was found and what would be right."""

import re
from pathlib import Path

import pytest

from pipeline.errors import SettingsInvalid
from pipeline.settings import Chat, Settings
from pipeline.text.i18n import Catalogue, in_language
from tests.web.settings_files import KINDS, PretendApp, write
from web.settings.loading import load
from web.settings.validation import validate_table

CHINESE = Catalogue("zh")
KNOWN_TABLES = ", ".join(
    f"[{name}.<name>]" if name in {"channels", "models", "mcp"} else f"[{name}]" for name in Settings.model_fields
)


def problems(folder: Path, environ: dict[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(SettingsInvalid) as refused:
        load(folder, environ or {}, KINDS)
    return refused.value.problems


CHAT_KEYS = f"Known keys: {', '.join(Chat.model_fields)}"


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        pytest.param(
            '[chat]\nturns = "ten"',
            '[chat] turns: found "ten", expected a whole number from 0 to 1000',
            id="a wrong type",
        ),
        pytest.param(
            '[chat]\nturns = "10"',
            '[chat] turns: found "10", expected a whole number from 0 to 1000',
            id="a number in quotes",
        ),
        pytest.param(
            "[chat]\nturns = true",
            "[chat] turns: found true, expected a whole number from 0 to 1000",
            id="a yes where a number belongs",
        ),
        pytest.param(
            "[chat]\nturns = 1001",
            "[chat] turns: found 1001, expected a whole number from 0 to 1000",
            id="beyond the range",
        ),
        pytest.param(
            "[limits]\nturn_seconds = 0",
            "[limits] turn_seconds: found 0, expected a number above 0",
            id="below the range",
        ),
        pytest.param(
            '[chat]\nhide_thinking = "yes"',
            '[chat] hide_thinking: found "yes", expected true or false',
            id="a yes in quotes",
        ),
        pytest.param(
            '[chat]\nlanguage = "fr"',
            '[chat] language: found "fr", expected "zh" or "en"',
            id="a choice there is not",
        ),
        pytest.param(
            '[log]\nlevel = "loud"',
            '[log] level: found "loud", expected one of debug, info, warning, error, critical',
            id="a level there is not",
        ),
        pytest.param(
            '[limits]\nusers = "bob"',
            '[limits] users: found "bob", expected a list of texts, such as ["a", "b"]',
            id="one name where a list belongs",
        ),
        pytest.param(
            '[limits]\ndepartments = [1, "2"]',
            '[limits] departments[1]: found "2", expected a whole number',
            id="a wrong type in a list",
        ),
        pytest.param(
            "[chat]\nsystem_prompt = 1979-05-27",
            "[chat] system_prompt: found 1979-05-27, expected text in quotes",
            id="a date where text belongs",
        ),
        pytest.param(
            "[console]\npassword_hash = 'open sesame'",
            "[console] password_hash: found text, expected what `webot console-password` prints, which begins with "
            "scrypt$; a password itself is not one",
            id="a password where its hash belongs",
        ),
        pytest.param(
            "[server]\npublic_url = 'bot.example.com'",
            '[server] public_url: found "bot.example.com", expected an address with its scheme, such as '
            "https://bot.example.com",
            id="an address without its scheme",
        ),
        pytest.param("chat = 5", "[chat]: found a whole number, expected a table", id="no table"),
        pytest.param(
            "[chat]\ntruns = 5",
            f"[chat] truns: no such key; did you mean turns? {CHAT_KEYS}",
            id="a misspelt key",
        ),
        pytest.param(
            "port = 5",
            "port: no such key; did you mean [server] port or [console] port? "
            f"Known keys: {', '.join(Settings.model_fields)}",
            id="a key without its table",
        ),
        pytest.param("[chat]\nzzz = 5", f"[chat] zzz: no such key. {CHAT_KEYS}", id="an unknown key"),
        pytest.param(
            '[chat]\ntimezone = "Asia/Shangai"',
            '[chat] timezone: found "Asia/Shangai", expected the name of a time zone, such as Asia/Shanghai; '
            "did you mean Asia/Shanghai?",
            id="a misspelt time zone",
        ),
        pytest.param(
            '[chat]\ntimezone = "Asia/Beijing"',
            '[chat] timezone: found "Asia/Beijing", expected the name of a time zone, such as Asia/Shanghai; '
            "did you mean Asia/Shanghai?",
            id="a city that is no time zone",
        ),
        pytest.param(
            '[chat]\ntimezone = "europe/berlin "',
            '[chat] timezone: found "europe/berlin ", expected the name of a time zone, such as Asia/Shanghai; '
            "did you mean Europe/Berlin?",
            id="a time zone in small letters",
        ),
        pytest.param(
            '[chat]\ntimezone = "../etc/passwd"',
            '[chat] timezone: found "../etc/passwd", expected the name of a time zone, such as Asia/Shanghai',
            id="a path for a time zone",
        ),
        pytest.param(
            "[chats]\nturns = 5",
            f"[chats]: no such table; did you mean [chat]? Known tables: {KNOWN_TABLES}",
            id="a misspelt table",
        ),
        pytest.param(
            'menu.buttons = [{ key = "@help" }]',
            "[menu] buttons[0].name: missing, expected text in quotes",
            id="a missing key",
        ),
        pytest.param(
            'menu.buttons = [{ name = "x", ley = "@help" }]',
            "[menu] buttons[0].ley: no such key; did you mean key? Known keys: name, key, url, buttons",
            id="an unknown key in a list of tables",
        ),
        pytest.param(
            '[channels.wecom]\nagent_id = "7"',
            '[channels.wecom] agent_id: found "7", expected a whole number of at least 0',
            id="a wrong type in a channel",
        ),
        pytest.param(
            "[channels.hr]\nagent = 7",
            "[channels.hr] agent: no such key; did you mean agent_id? Known keys: kind, path, agent_id, token, tags",
            id="a misspelt key of a channel",
        ),
        pytest.param(
            '[channels.hr]\nkind = "wecom"',
            '[channels.hr] kind: found "wecom", expected "wecom_app"',
            id="a kind there is not",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_way_out(tmp_path: Path, local: str, expected: str) -> None:
    write(tmp_path, local=local)

    found = problems(tmp_path)

    assert (f"settings.local.toml: {expected}",) == found
    # In Chinese no sentence stays English: what is English in it are names of keys and what was typed.
    assert not re.search(r"\b[a-z]+ [a-z]+ [a-z]+\b", in_language(found[0], CHINESE))


@pytest.mark.parametrize(
    ("variable", "typed", "expected"),
    [
        pytest.param(
            "WEBOT_CHAT__TURNS",
            "ten",
            '[chat] turns: found "ten", expected a whole number from 0 to 1000',
            id="a wrong value",
        ),
        pytest.param(
            "WEBOT_CHAT__TRUNS", "5", f"[chat] truns: no such key; did you mean turns? {CHAT_KEYS}", id="a key"
        ),
        pytest.param(
            "WEBOT_MODELS__DEFAULT__TIMEOUT",
            "soon",
            '[models.default] timeout: found "soon", expected a number above 0',
            id="a key of a named table",
        ),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(
    tmp_path: Path, variable: str, typed: str, expected: str
) -> None:
    assert (f"{variable}: {expected}",) == problems(tmp_path, {variable: typed})


def test_an_unknown_table_in_the_environment_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, {"WEBOT_FOO__BAR": "1"})

    assert problem.startswith("WEBOT_FOO__BAR: [foo]: no such table. Known tables: [server],")


def test_two_underscores_after_the_prefix_are_refused(tmp_path: Path) -> None:
    assert ("WEBOT___CHAT__TURNS: no such setting; expected WEBOT_<TABLE>__<KEY>",) == problems(
        tmp_path,
        {"WEBOT___CHAT__TURNS": "5"},
    )


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    write(
        tmp_path, settings="[chat]\nturns = -1", local='[server]\nport = "x"', secrets="[channels.wecom]\nagent_id = -1"
    )

    assert {"settings.toml", "settings.local.toml", ".secrets.toml", "WEBOT_LOG__FORMAT"} == {
        problem.partition(":")[0] for problem in problems(tmp_path, {"WEBOT_LOG__FORMAT": "xml"})
    }


@pytest.mark.parametrize(
    "secrets",
    [
        pytest.param('[models.default]\napi_key = ["sk-verysecret"]', id="a list where a secret belongs"),
        pytest.param('[models]\ndefault = "sk-verysecret"', id="a secret where a table belongs"),
        pytest.param('[models.default]\nbase_url = ["sk-verysecret"]', id="a secret in another's place"),
        pytest.param('[chat]\napi_key = "verysecret"', id="a secret in the wrong table"),
        pytest.param('[channels.wecom]\ntoken = { a = "verysecret" }', id="a table where a secret belongs"),
        pytest.param('[channels.wecom]\nagent_id = "https://a:verysecret@host"', id="an address with a password"),
        pytest.param('[models.default]\napi_key = "verysecret', id="a line that is not TOML"),
    ],
)
def test_a_mistake_never_shows_a_secret(tmp_path: Path, secrets: str) -> None:
    write(tmp_path, secrets=secrets)

    assert "verysecret" not in "\n".join(problems(tmp_path))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[chat]\nturns = = 5", "2: not TOML: Invalid value"),
        ("[chat]\nturns 5", "2: not TOML: Expected '=' after a key; a line is a key, =, and a value"),
        ('[chat]\nsystem_prompt = """a\n', "2: not TOML: Unterminated text; the text that begins in line 2"),
        ("[chat]\nturns = 1\nturns = 2", "3: not TOML: Cannot overwrite a value; this key or table stands twice"),
        ("[models.default]\nmodel = “deepseek-chat”", "2: not TOML: Invalid value; here are Chinese quotation marks “"),
    ],
)
def test_broken_toml_is_told_by_file_and_line(tmp_path: Path, text: str, expected: str) -> None:
    write(tmp_path, local=text)

    (problem,) = problems(tmp_path)

    assert problem.startswith(f"settings.local.toml:{expected}")


def test_a_file_in_another_encoding_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "settings.local.toml").write_bytes("# 设置".encode("gbk"))

    assert ("settings.local.toml: not UTF-8 text (byte 2); save the file as UTF-8",) == problems(tmp_path)


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "settings.local.toml").mkdir()

    assert ("settings.local.toml: cannot be read: it is a folder",) == problems(tmp_path)


def test_a_folder_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path / "nowhere")

    assert problem.endswith("nowhere: no such folder (from --settings or WEBOT_SETTINGS_DIR)")


def test_a_fault_of_a_whole_table_names_the_last_layer_that_set_a_key_of_it(tmp_path: Path) -> None:
    write(tmp_path, settings='channels.wecom.path = "/gpt"', local='channels.wecom.corp_id = "ww1"')

    with pytest.raises(SettingsInvalid) as refused:
        load(tmp_path, {})

    (problem,) = refused.value.problems
    assert problem.startswith(
        "settings.local.toml: [channels.wecom]: secret, agent_id, token, encoding_aes_key missing;"
    )


def test_a_table_on_its_own_becomes_its_model_or_its_problems() -> None:
    assert PretendApp(agent_id=7, tags=("a",)) == validate_table(
        PretendApp, {"agent_id": 7, "tags": ["a"]}, "[channels.hr]"
    )
    assert ('[channels.hr] agent_id: found "x", expected a whole number of at least 0',) == validate_table(
        PretendApp,
        {"agent_id": "x"},
        "[channels.hr]",
    )


@pytest.mark.parametrize("key", ["STORAGE__DATA_DIR", "LOG__PATH"])
@pytest.mark.parametrize(
    "control", ["\n", "\r", "\t", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u202e", "\u2066", "\x07"]
)
@pytest.mark.parametrize("place", ["{}data", "da{}ta", "data{}"])
def test_no_path_holds_a_control_character(tmp_path: Path, key: str, control: str, place: str) -> None:
    """A YAML block or a file brings a line end along; messages that name such a folder would say something else."""
    (problem,) = problems(tmp_path, {f"WEBOT_{key}": place.format(control)})

    assert f"[{key.partition('__')[0].lower()}] {key.partition('__')[2].lower()}: " in problem
    assert "expected a path without line ends and other control characters" in problem
    assert control not in problem
