import ast
import builtins
import re
import textwrap
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import get_args, get_origin

import pytest
from pydantic import BaseModel

import web.commands
from chains.command import Command
from chains.commands import all_commands
from pipeline.settings import ChannelTable, Settings
from pipeline.text.i18n import Language
from tests.test_house import NO_VERB, OLD_DIALECT, RIDDLES
from web.channel_kinds import KINDS
from web.settings.loading import load_settings
from web.settings.reference import chinese_meanings, docstrings, manual
from web.settings.schema import model_in

ROOT = Path(__file__).parents[1]
BUILTINS = frozenset(dir(builtins))
SETTINGS = (ROOT / "settings.toml").read_text(encoding="utf-8")
PAGES = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md"))
READMES = ["README.md", "README.zh-CN.md"]
CHINESE = [page for page in PAGES if page.name.endswith(".zh-CN.md")]
KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
VERBS = sorted(file.stem.replace("_", "-") for file in Path(web.commands.__path__[0]).glob("[!_]*.py"))


def models() -> Iterator[tuple[str, type[BaseModel]]]:
    """Give each table of settings.toml, `channels.wecom` as that of its kind, with its model."""
    for name, field in Settings.model_fields.items():
        if get_origin(field.annotation) is not dict:
            model = model_in(field.annotation)
            assert model is not None
            yield name, model
        elif get_args(field.annotation)[1] is ChannelTable:
            yield from ((f"{name}.wecom", model) for model in (ChannelTable, KINDS["wecom_app"].settings))
            yield f"{name}.bot", KINDS["wecom_aibot"].settings
        elif name == "mcp":
            yield f"{name}.example", get_args(field.annotation)[1]
        else:
            yield from ((f"{name}.{each}", get_args(field.annotation)[1]) for each in ("default", "image"))


TABLES = list(models())
KEYS = [(table, key) for table, model in TABLES for key in model.model_fields]


@pytest.mark.parametrize(("table", "model"), TABLES, ids=[table for table, _ in TABLES])
def test_every_setting_is_in_the_committed_file(table: str, model: type[BaseModel]) -> None:
    here = tomllib.loads(SETTINGS)
    for part in table.split("."):
        here = here[part]

    assert set() == set(model.model_fields) - set(here)


@pytest.mark.parametrize(("table", "model"), TABLES, ids=[table for table, _ in TABLES])
def test_every_setting_is_in_the_manual(table: str, model: type[BaseModel]) -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    head = re.sub(r"\.\w+", ".<name>", table)
    kind = {"channels.wecom": "` of kind `wecom_app", "channels.bot": "` of kind `wecom_aibot"}.get(table, "")
    heading = re.escape(f"[{head}]{kind}")
    (section,) = re.findall(rf"^## `{heading}.*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)

    assert [] == [key for key in model.model_fields if f"| `{key}` |" not in section]


def test_every_key_of_the_committed_file_is_explained_there() -> None:
    # The second model's keys are the first one's, and the second of a pair shares its comment.
    explained_above = SETTINGS.partition("[models.image]\n")[2].partition("\n#")[0].split("\n")
    bare = [
        line
        for before, line in pairwise(SETTINGS.split("\n"))
        if re.match(r"\w+ = ", line) and not before.startswith(("#", "previous_")) and line not in explained_above
    ]

    assert [] == bare


CHOICES = [
    (table, key, choices)
    for table, model in models()
    for key, field in model.model_fields.items()
    if (choices := tuple(choice for choice in get_args(field.annotation) if isinstance(choice, str)))
]


@pytest.mark.parametrize(("table", "key", "choices"), CHOICES, ids=lambda part: part if isinstance(part, str) else "")
def test_the_committed_file_names_every_choice_there_is_and_denies_none(
    table: str, key: str, choices: tuple[str, ...]
) -> None:
    section = SETTINGS.partition(f"[{table}]\n")[2].partition("\n[")[0]
    comment, _, value = f"\n{section}".partition(f"\n{key} = ")
    said = comment.rpartition(" = ")[2] + value.partition("\n")[0]

    assert [] == [choice for choice in choices if f'"{choice}"' not in said]
    assert "not there yet" not in said


@pytest.mark.parametrize(("language", "page"), [("en", "settings.md"), ("zh", "settings.zh-CN.md")])
def test_the_manual_is_what_the_code_says(language: Language, page: str) -> None:
    written = (ROOT / "docs" / page).read_text(encoding="utf-8")

    assert manual(language) == written, "make docs puts this right"


def test_no_chinese_meaning_is_of_a_setting_there_is_not() -> None:
    page = manual("zh")

    assert [] == [
        f"{table}.{key}"
        for table, meanings in chinese_meanings().items()
        for key, meaning in meanings.items()
        if meaning.replace("|", "\\|") not in page
    ]


@pytest.mark.parametrize(("table", "model"), list(models()), ids=lambda part: part if isinstance(part, str) else "")
def test_every_setting_says_in_the_code_what_it_is(table: str, model: type[BaseModel]) -> None:
    assert set(model.model_fields) <= set(docstrings(model)), table


@pytest.mark.parametrize("page", READMES)
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_in_the_readme(verb: str, page: str) -> None:
    assert f"webot {verb}" in (ROOT / page).read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    """Give a page's code blocks of one language, indented ones in lists too."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for _, block in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8"))
    paths = [link.partition("#")[0] for link in links if not link.startswith(("http://", "https://", "#"))]

    assert [] == [path for path in paths if not (page.parent / path).exists()]


@pytest.mark.parametrize("page", CHINESE, ids=lambda page: page.name)
def test_a_chinese_page_leads_to_chinese_pages(page: Path) -> None:
    links = re.findall(r"\[([^\]]*)\]\(([^)\s#]+\.md)", page.read_text(encoding="utf-8"))
    english = [link for words, link in links if words != "English" and not link.endswith(".zh-CN.md")]

    assert [] == [link for link in english if (page.parent / f"{link[:-3]}.zh-CN.md").exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_toml_in_a_page_that_names_a_table_of_the_settings_holds(page: Path, tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    for block in blocks(page, "toml"):
        # Dots stand where the reader's own goes.
        filled = block.replace('"..."', f'"{KEY}"')
        if not set(tomllib.loads(filled)) <= set(Settings.model_fields):
            continue
        (tmp_path / "settings.local.toml").write_text(filled, encoding="utf-8")
        settings = load_settings(tmp_path, {})

        assert set(tomllib.loads(filled).get("channels", {})) <= set(settings.channels), block


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_in_a_page_can_be_run(page: Path) -> None:
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    verbs = [verb for line in lines for verb in re.findall(r"^(?:\S*bin/)?webot(?: --settings \S+)? ([a-z-]+)", line)]
    goals = [goal for line in lines for goal in re.findall(r"^make ([a-z]+)", line)]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert set() == set(verbs) - set(VERBS)
    assert set() == set(goals) - set(re.findall(r"^([a-z]+):.*##", makefile, re.MULTILINE))


@pytest.mark.parametrize("page", READMES)
@pytest.mark.parametrize("command", tuple(all_commands()), ids=lambda command: command.name)
def test_every_command_is_in_the_readme(command: Command, page: str) -> None:
    rows = re.findall(r"^\| `(@[\w-]+)[^`]*` \| `(@\w+)` \|", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)

    assert (command.name, command.aliases[0]) in rows


def test_both_readmes_say_the_same() -> None:
    english, chinese = ((ROOT / page).read_text(encoding="utf-8") for page in READMES)

    for what in (r"^#+ ", r"```(\w+)", r"^\| `(webot \S+)", r"^\| `(@\S+?)[ `]", r"`(https?://\S+)`", r"WEBOT_\w+"):
        here, there = (re.findall(what, text, re.MULTILINE) for text in (english, chinese))
        # The Chinese name what follows WEBOT_ in their own words.
        assert [one for one in here if one != "WEBOT_"] == [one for one in there if one != "WEBOT_"], what


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_of_the_source_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    tops = "adapters|benchmarks|chains|exports|pipeline|storage|tests|web"
    named = re.findall(rf"(?<![\w/.<-])(?:{tops})/[\w/]+(?:\.(?:zh\.)?(?:py|toml|html))?/?", text)

    assert [] == [file for file in named if not (ROOT / file).exists()]


@pytest.mark.parametrize("page", ["architecture.md", "architecture.zh-CN.md"])
def test_the_page_on_how_it_is_built_names_every_room_and_no_file_there_is_not(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    tops = ("adapters", "chains", "exports", "pipeline", "storage", "web")
    rows = {top: re.findall(rf"^\| `{top}/` \| .*", text, re.MULTILINE) for top in tops}
    rooms = {f"{top}/{room.parent.name}" for top in tops for room in (ROOT / top).glob("*/__init__.py")}
    named = {f"{top}/{room}" for top in tops for row in rows[top] for room in re.findall(r"`([a-z]+)/`", row)}
    files = {path.name for top in (*tops, "tests") for path in (ROOT / top).rglob("*.py")}

    assert set() == rooms - named
    assert set() == set(re.findall(r"`(\w+\.py)`", text)) - files


def test_every_page_of_the_folder_is_in_both_languages() -> None:
    names = {page.name for page in (ROOT / "docs").glob("*.md")}

    assert set() == {name for name in names if not name.endswith(".zh-CN.md") and f"{name[:-3]}.zh-CN.md" not in names}


@pytest.mark.parametrize("page", CHINESE, ids=lambda page: page.name)
def test_a_page_in_two_languages_has_the_same_outline_examples_and_names_in_both(page: Path) -> None:
    other = page.with_name(page.name.replace(".zh-CN", ""))
    here, there = (each.read_text(encoding="utf-8") for each in (page, other))

    assert f"]({page.name})" in there
    assert f"]({other.name})" in here
    for what in (r"^#+ ", r"^ *```(\w*)"):
        assert re.findall(what, here, re.MULTILINE) == re.findall(what, there, re.MULTILINE), what
    # Placeholders and file names in a command line are words of the page's language.
    for what in (r"`\[([a-z_.]+)[^\]`]*\](?: (\w+))?`", r"`(webot [a-z-]+)", r"`(@[a-z-]+)`", r"`(webot_\w+)`"):
        assert set(re.findall(what, here)) == set(re.findall(what, there)), what


@pytest.mark.parametrize(
    "key",
    [
        *("proxy", "port", "log", "callBackUrl", "msgMode"),
        *("logLevel", "logOutPutMode", "logOutPutPath", "logFileDateFmt", "logFileRotationCount", "logFormatter"),
        *("apikey", "model", "UserName", "url"),
        *("corpid", "corpSecret", "agentId", "weApiRCallToken", "weApiEncodingKey", "weChatApiAddr"),
    ],
)
def test_every_setting_of_the_predecessor_has_its_place(key: str) -> None:
    page = (ROOT / "docs" / "migrate-from-corp-webot.md").read_text(encoding="utf-8")
    (new,) = re.findall(rf"^\| `(?:logConf\.)?{key}` \| (.+?) \|", page, re.MULTILINE)
    named = re.findall(r"`(?:\[([\w.]+)\] )?(\w+)`", new)

    assert new == "none" or named
    assert [] == [name for table, name in named if (table or "channels.wecom", name) not in KEYS]


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_the_first_steps_name_mirrors_and_what_to_do_on_windows(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")

    assert "PIP_INDEX_URL" in text
    assert "WSL 2" in text


@pytest.mark.parametrize("page", ["developers.md", "developers.zh-CN.md"])
def test_the_examples_for_developers_can_be_copied(page: str) -> None:
    blocks = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )

    assert 2 == len(blocks)
    for block in blocks:
        made: dict[str, object] = {}
        exec(compile(block, page, "exec"), made)  # noqa: S102 (our own page)
        nodes = [*ast.walk(ast.parse(block))]
        arguments = {node.arg for node in nodes if isinstance(node, ast.arg)}
        stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        loaded = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        docstrings = [said for node in functions if (said := ast.get_docstring(node))]

        assert loaded <= made.keys() | arguments | stored | BUILTINS
        assert {"COMMAND", "TOOL"} & made.keys()
        assert not [said for said in docstrings if said.startswith((*OLD_DIALECT, *NO_VERB, *RIDDLES))]
