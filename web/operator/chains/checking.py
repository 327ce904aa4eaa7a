"""What is wrong with a chain's text while it is being written, each problem with its line and key."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chains.catalog.config import MOST_BYTES, ChainConfig, parse_chain
from chains.catalog.diagnostics import located
from pipeline.errors import ChainInvalid
from pipeline.text.i18n import Catalogue, Sentence, in_language
from pipeline.text.toml_locations import locate_keys
from web.operator.chains.deployment import Version
from web.operator.chains.workspace import ChainWorkspace


@dataclass(frozen=True, slots=True)
class ChainProblem:
    """One sentence about a text; `line` is 0 and `key` empty for what is about all of it."""

    severity: Literal["error", "warning"]
    line: int
    key: str
    sentence: str


@dataclass(frozen=True, slots=True)
class CheckedText:
    """A text as `webot chains check` sees it; `chain` is None where it cannot be read."""

    chain: ChainConfig | None
    problems: tuple[ChainProblem, ...]

    @property
    def usable(self) -> bool:
        """Whether nothing keeps it from being released."""
        return all(each.severity != "error" for each in self.problems)


def check_text(workspace: ChainWorkspace, name: str, text: str, words: Catalogue) -> CheckedText:
    """Check a text by what `webot chains check` checks of a file without asking servers. Takes processor time."""
    source = f"{name}.toml"
    try:
        size = len(text.encode())
        if size > MOST_BYTES:
            raise ChainInvalid(Sentence("mistake.too_large", size=f"{size:,}", most=f"{MOST_BYTES:,}"))  # noqa: TRY301
        chain = parse_chain(text, name=name, source=source)
    except ChainInvalid as error:
        return CheckedText(None, _problems("error", error.problems, source, words))
    where = locate_keys(text)
    wrong = [located(source, each, where) for each in workspace.chain_files.problems_with(chain)]
    doubtful = [located(source, each, where) for each in workspace.doubts(chain)]
    found = (*_problems("error", wrong, source, words), *_problems("warning", doubtful, source, words))
    return CheckedText(chain, found)


async def check_deeply(
    workspace: ChainWorkspace, name: str, text: str, chain: ChainConfig, words: Catalogue
) -> tuple[ChainProblem, ...]:
    """Ask the models' classes and the MCP servers what they take of a chain that can be read."""
    source = f"{name}.toml"
    missing, away = await workspace.deep_problems({Path(source): Version("text", text, chain)})
    return (*_problems("error", missing, source, words), *_problems("warning", away, source, words))


def _problems(
    severity: Literal["error", "warning"], problems: Sequence[str], source: str, words: Catalogue
) -> tuple[ChainProblem, ...]:
    found = (_problem(severity, each, source, words) for each in problems)
    return tuple(sorted(dict.fromkeys(found), key=lambda each: each.line))


def _problem(severity: Literal["error", "warning"], problem: str, source: str, words: Catalogue) -> ChainProblem:
    """Take the place out of a sentence that begins with one: the page marks it."""
    line, key, said = 0, "", problem
    if isinstance(said, Sentence) and said.key in {"mistake.at", "setting.placed"}:
        line = _line(str(said.values["place"]), source)
        key, inner = str(said.values.get("key", "")), said.values["said"]
        assert isinstance(inner, str)  # noqa: S101 (both sentences are made of texts)
        said = Sentence("mistake.keyed", key=key, said=inner) if key else inner
    if isinstance(said, Sentence) and said.key == "mistake.keyed":
        key = str(said.values["key"])
    return ChainProblem(severity, line, key, in_language(said, words))


def _line(place: str, source: str) -> int:
    number = place.removeprefix(f"{source}:")
    return int(number) if number.isdecimal() else 0
