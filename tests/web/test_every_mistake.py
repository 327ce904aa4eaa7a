"""All mistakes in the settings are told in one round, whatever finds them, each with where it stands."""

from pathlib import Path

import pytest

from tests.web.settings_files import write
from tests.web.shell import webot

ENGLISH = {"WEBOT_CHAT__LANGUAGE": "en"}
LOCAL = """
[chat]
turns = -1
truns = 5

[storage]
data_dir = "a-file"

[channels.wecom]
chain = "nosuch"

[channels.hr]
path = "/console"

[channels.it]
agent_id = "x"

[models.default]
provider = "openai"
model = "m"
api_key = "k"
fallbacks = ["gone"]

[budgets]
cheaper = "nobody"
"""


@pytest.mark.parametrize("verb", ["check", "serve"])
async def test_every_mistake_is_told_at_once(verb: str, tmp_path: Path) -> None:
    write(tmp_path, local=LOCAL, secrets='[storage]\ndatabase_url = "postgresql://me@db/w?sslmod=disable"')
    (tmp_path / "a-file").write_text("a file")
    ran = await webot(verb, folder=tmp_path, environ={"WEBOT_LOG__FORMAT": "xml", "WEBOT_SERVER__PORT": "0"} | ENGLISH)
    problem_lines = [line.strip() for line in ran.err.splitlines()]

    for beginning in (
        "settings.local.toml: [chat] turns: found -1",
        "settings.local.toml: [chat] truns: no such key; did you mean turns?",
        "settings.local.toml: [channels.it] agent_id: found",
        "WEBOT_LOG__FORMAT: [log] format: found",
        ".secrets.toml: [storage] database_url: no such option 'sslmod'; did you mean sslmode?",
        "settings.local.toml: [storage] data_dir: 'a-file' is no folder",
        "settings.local.toml: [channels.wecom].chain: found 'nosuch'",
        "settings.local.toml: [channels.hr] path: '/console' is webot's own",
        "settings.local.toml: [models.default].fallbacks",
        "settings.local.toml: [budgets].cheaper: found 'nobody'",
    ):
        assert 1 == sum(line.startswith(beginning) for line in problem_lines), (beginning, problem_lines)
    assert 1 == ran.code
    assert 11 == len(problem_lines)


async def test_a_file_that_is_no_toml_does_not_hide_the_others(tmp_path: Path) -> None:
    write(tmp_path, local='[chat]\nturns = "x"', secrets='[channels.wecom]\nsecret = "a')
    ran = await webot("check", folder=tmp_path, environ=ENGLISH)
    problem_lines = [line.strip() for line in ran.err.splitlines()]

    assert [".secrets.toml:2: not TOML", "settings.local.toml: [chat] turns: found"] == [
        problem_lines[1][: len(".secrets.toml:2: not TOML")],
        problem_lines[2][: len("settings.local.toml: [chat] turns: found")],
    ]
    assert 3 == len(problem_lines)
