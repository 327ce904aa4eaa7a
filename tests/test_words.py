"""Every sentence that people read is in the catalogues: nothing is raised or printed as English text in the code."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from benchmarks.house import Module, modules
from pipeline.text.i18n import load_sentences

REPOSITORY = Path(__file__).parents[1]
CHINESE_FILES = ("zh.toml",)

ROOTS = (
    "WebotError",
    "ClickException",
    "UsageError",
    "BadParameter",
    "HTTPException",
    "JobFailed",
    "TooManyJobs",
    "NotConnected",
    "UndecodableTurn",
    "Finished",
    "Postponed",
)
PRINTERS = ("echo", "secho", "confirm", "prompt", "progressbar")
SPOKEN_OPTIONS = ("detail", "message", "label", "text")

# Errors whose text is for the log alone, in English, with what people read in its place.
FOR_THE_LOG: Mapping[str, str] = {
    "BadCallback": "WeCom, or a stranger, is answered by a status; refusals are counted by `reason`",
}
# Lines that are the same in every language.
SAME_EVERYWHERE = {
    "web.commands.console_password": "the lines of .secrets.toml",
    "web.commands.version": "names and numbers",
}


# One word for one thing in Chinese: what WeCom's admin pages and Chinese software call it, and what else it was called.
TERMS: Mapping[str, tuple[str, ...]] = {
    "渠道": ("通道", "频道"),
    "凭证": ("凭据",),
    "账号": ("帐号",),
    "撤销": ("吊销", "作废"),
    "回放": ("重放",),
    "角色设定": (r"(?<!@)人设",),
    "编号": ("追踪号",),
    "发布": ("上架",),
    "版本": ("修订",),
    "用户名": ("用户名称",),
    "条对话链": ("[次段]对话链", "[次段]链(?!接)"),
    "个对话": (r"[}\d] ?[次段]对话",),
}
# What pages say of other things: captured callbacks are 重放, and so on.
OTHERWISE = {"回放"}
# The catalogues call a chain by its whole name; other pages may shorten it once it was named.
IN_CATALOGUES = (r"(?<!对话)(?<!符号)链(?!接)",)


@cache
def errors_for_people() -> frozenset[str]:
    """Return the names of the errors that people read: webot's, click's, and answers to requests."""
    bases = {
        node.name: [ast.unparse(base).rpartition(".")[2] for base in node.bases]
        for module in modules().values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
    }

    def descends(name: str, roots: frozenset[str], below: tuple[str, ...] = ()) -> bool:
        if name in roots:
            return True
        # A library's class may have the name of ours, which is made of it.
        return name not in below and any(descends(base, roots, (*below, name)) for base in bases.get(name, ()))

    roots, logged = frozenset(ROOTS), frozenset(FOR_THE_LOG)
    return frozenset(name for name in (*ROOTS, *bases) if descends(name, roots) and not descends(name, logged))


def english_texts(module: Module) -> Iterator[str]:
    """Yield where a module raises or prints a text of its own."""
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func).rpartition(".")[2]
        if called in errors_for_people() or called in PRINTERS:
            given = [*node.args, *(each.value for each in node.keywords if each.arg in SPOKEN_OPTIONS)]
            yield from (f"{module.name}:{node.lineno}: {said}" for each in given if (said := words_of(each)))


def words_of(node: ast.expr) -> str:
    """Return the words of a literal, also within a list or a choice; nothing for what is no sentence."""
    match node:
        case ast.Constant(str() as said):
            return said if " " in said.strip() else ""
        case ast.JoinedStr(values):
            said = "".join(str(each.value) for each in values if isinstance(each, ast.Constant))
            return said if any(map(str.isalpha, said)) and said.strip() != "webot:" else ""
        case ast.List(parts) | ast.Tuple(parts):
            return next(filter(None, map(words_of, parts)), "")
        case ast.IfExp() | ast.BinOp():
            sides = (node.body, node.orelse) if isinstance(node, ast.IfExp) else (node.left, node.right)
            return next(filter(None, map(words_of, sides)), "")
        case ast.Starred(value) | ast.GeneratorExp(value) | ast.ListComp(value):
            return words_of(value)
        case _:
            return ""


def test_no_text_that_people_read_is_written_in_the_code() -> None:
    assert [] == [
        said for module in modules().values() if module.name not in SAME_EVERYWHERE for said in english_texts(module)
    ]


def rejected_terms(text: str, patterns: Iterable[str]) -> list[str]:
    """Return the lines of a text that call something by another word than the one for it."""
    wrong = re.compile("|".join(patterns))
    return [line for line in text.splitlines() if wrong.search(line)]


def test_in_chinese_each_thing_is_called_by_one_word() -> None:
    written = [path for folder in ("pipeline", "web") for path in (REPOSITORY / folder).rglob("*")]
    others = [pattern for patterns in TERMS.values() for pattern in patterns]
    found = {
        str(path.relative_to(REPOSITORY)): rejected_terms(path.read_text("utf-8"), others)
        for path in written
        if path.name.endswith(CHINESE_FILES)
    }

    assert {"pipeline/catalogues/zh.toml", "web/terminal/verb_help.zh.toml"} <= set(found)
    assert {} == {name: lines for name, lines in found.items() if lines}
    assert [] == rejected_terms("\n".join(load_sentences("zh").values()), IN_CATALOGUES)


def test_templates_and_scripts_have_their_chinese_from_the_catalogue() -> None:
    written = [path for suffix in ("html", "js") for path in (REPOSITORY / "web").rglob(f"*.{suffix}")]
    chinese = {found for path in written for found in re.findall(r"[\u4e00-\u9fff]+", path.read_text("utf-8"))}

    # What the other language is called, in itself.
    assert {"中文"} == chinese


@pytest.mark.parametrize("page", [*sorted((REPOSITORY / "docs").glob("*.zh-CN.md")), REPOSITORY / "README.zh-CN.md"])
def test_the_pages_call_things_as_the_catalogues_do(page: Path) -> None:
    rejected = [pattern for name, patterns in TERMS.items() if name not in OTHERWISE for pattern in patterns]
    # A lane is 通道 in the code's own pages; 渠道 is what people reach webot by.
    lanes = page.name in {"architecture.zh-CN.md", "model-servers.zh-CN.md"}

    assert [] == rejected_terms(page.read_text("utf-8"), [each for each in rejected if not (lanes and each == "通道")])


@pytest.mark.parametrize(
    "line", ["第 3 次对话", "一段对话链", "作废令牌", "这个通道", "成员帐号", "默认的人设", "在哪个频道", "填好凭据"]
)
def test_another_word_for_a_thing_is_found(line: str) -> None:
    assert [line] == rejected_terms(line, [pattern for patterns in TERMS.values() for pattern in patterns])


@pytest.mark.parametrize(
    ("code", "found"),
    [
        pytest.param('raise SettingsInvalid([f"{x} is wrong"])', True, id="a text that is filled in"),
        pytest.param('raise click.UsageError("name a file")', True, id="a text of click's"),
        pytest.param('raise NotRetried("it is " + "not")', True, id="a text in two parts"),
        pytest.param('click.echo("all is well", err=True)', True, id="a text that is printed"),
        pytest.param('raise HTTPException(status_code=404, detail="not there")', True, id="an answer to a request"),
        pytest.param('raise SettingsInvalid([Sentence("setting.x", found=x)])', False, id="a sentence"),
        pytest.param('raise HTTPException(status_code=404, detail="console.gone")', False, id="a key"),
        pytest.param('raise TryAgain("WeCom is busy")', True, id="a reason that is kept"),
        pytest.param('raise BadCallback("it is not signed")', False, id="what is logged"),
        pytest.param('click.echo(f"webot: {said}")', False, id="the name before a sentence"),
    ],
)
def test_a_text_in_the_code_is_found(code: str, *, found: bool) -> None:
    assert found == bool(list(english_texts(Module("web.example", ast.parse(code), 1))))
