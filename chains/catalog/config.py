"""Chains as prompt engineers write them: one TOML file each, checked when it is read, never half taken."""

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from chains.catalog.diagnostics import explain, explain_syntax, key_name, keyed, mistake, mistaken
from chains.catalog.options import option_problems
from chains.catalog.templates import mistakes
from chains.models.tokens import estimate
from chains.tools import tool_names
from pipeline.errors import ChainInvalid
from pipeline.events import ANY_USER, Person
from pipeline.text.i18n import Language, Sentence, os_reason
from pipeline.text.phrases import placed
from pipeline.text.toml_locations import TomlLocations, locate_keys
from pipeline.text.toml_syntax import TomlTooDeep, parse_toml

SHIPPED = Path(__file__).parents[1] / "configs"

SHIPPED_IN: Mapping[Language, Path] = {"zh": SHIPPED, "en": SHIPPED / "english"}
"""The folder of the chains that come with webot, by the language webot speaks in the chat."""

MOST_BYTES = 512 * 1024
"""How large a chain's file may be."""

MOST_TOKENS = 100_000
"""How many tokens, by estimate, a chain may say before every question."""

_DEEPEST = 16
"""How many tables and lists may stand in one another; options of a model need three or four."""

# The parser takes time and memory by the square of a dotted key's parts: such a one is refused before it is parsed.
_DOTTED = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){64}""")
_NAME = re.compile(r"[\w-]+")
_TOOLS = tool_names()
_MCP = re.compile(r"mcp\.[\w-]+(\.\S+)?")
_COMMAND = re.compile(r"@[^\s@]{1,31}")
_WIDE_SIGNS = ("＠", "﹫")
_SLIPS = ("\b", "\f", "\x1b")


def _a_template(source: str) -> str:
    for wrong in mistakes(source):
        raise mistaken(wrong.message, line=wrong.line)
    return source


def _a_question(source: str) -> str:
    for wrong in mistakes(source, text=True) if source else ():
        raise mistaken(wrong.message, line=wrong.line)
    return source


def _a_command(word: str) -> str:
    if word and not _COMMAND.fullmatch(word):
        if word[0] in _WIDE_SIGNS and _COMMAND.fullmatch(f"@{word[1:]}"):
            raise mistake("command_wide", found=word, sign=word[0], plain="@")
        raise mistake("command", found=word)
    if not word.isprintable():
        raise mistake("command_hidden", found=word.encode("unicode_escape").decode())
    return word


def _a_pattern(pattern: str) -> str:
    # "\b" between double quotes is a backspace, which nobody looks for in an answer.
    if any(sign in pattern for sign in _SLIPS):
        raise mistake("pattern_escape")
    try:
        re.compile(pattern)
    except re.error as error:
        raise mistake("pattern", found=pattern, said=str(error)) from None
    return pattern


def _a_tool(name: str) -> str:
    if name not in _TOOLS and not _MCP.fullmatch(name):
        raise mistake("tool", found=name, known=", ".join(f'"{each}"' for each in _TOOLS))
    return name


def _some_words(text: str) -> str:
    if not text.strip():
        raise mistake("no_words")
    return text


Template = Annotated[str, AfterValidator(_a_template)]
Question = Annotated[str, AfterValidator(_a_question)]
CommandWord = Annotated[str, AfterValidator(_a_command)]
Pattern = Annotated[str, AfterValidator(_a_pattern)]
ToolName = Annotated[str, AfterValidator(_a_tool)]
SomeWords = Annotated[str, AfterValidator(_some_words)]


class ChainTable(BaseModel):
    """A table of a chain's file: frozen, and a key nobody knows is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Example(ChainTable):
    """The table `[[examples]]`: a question with the answer one would like, shown to the model before every question."""

    user: SomeWords
    """What somebody might write."""
    assistant: SomeWords
    """What the chain should answer."""


class Case(ChainTable):
    """The table `[[cases]]`: a question with what its answer has to be like, for `webot chains test`."""

    input: SomeWords
    """What somebody might write."""
    contains: tuple[SomeWords, ...] = ()
    """Words the answer must contain; large and small letters are the same."""
    not_contains: tuple[SomeWords, ...] = ()
    """Words the answer must not contain."""
    matches: Pattern = ""
    """A regular expression that must be found in the answer."""
    rubric: str = ""
    """What a model that judges the answer must be able to say yes to."""

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not (self.contains or self.not_contains or self.matches or self.rubric):
            raise mistake("case_empty")
        return self


class ChainConfig(ChainTable):
    """How one chain answers. What is left out is as the table `[chat]` of the settings says, or empty."""

    name: str
    """What channels call the chain: the file's name without `.toml`."""
    description: str = ""
    """What the chain is for, in one line; `@help` shows it beside the command."""
    command: CommandWord = ""
    """The first word of a message that reaches the chain, such as "@translate"; also a menu button's key."""
    aliases: tuple[CommandWord, ...] = ()
    """Other words for the command, such as "@翻译"."""
    keywords: tuple[SomeWords, ...] = ()
    """A message that contains one of these is answered by the chain; the longest one found decides."""
    hands_to: tuple[str, ...] = ()
    """Chains that a model may choose instead, on a channel whose own chain this is; by their descriptions."""
    chooser: str = ""
    """The table under `[models]` that chooses; empty for the chain's own model."""
    channels: tuple[str, ...] = ()
    """The channels on which command and keywords work; empty for all."""
    users: tuple[SomeWords, ...] = ()
    """The user ids for whom they work; empty or "*" for everybody."""
    welcome: Template = ""
    """What webot says when the command comes alone, and to a new person of a channel that has this chain."""
    model: str = "default"
    """The table under `[models]` that answers."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the model for this chain alone, such as temperature; a table `[options]`."""
    system_prompt: Template = ""
    """Said to the model before everything else; on a channel's own chain, the person's persona comes first."""
    template: Question = ""
    """How the person's words are put to the model; `{{ text }}` stands for them. Empty: as they are."""
    examples: tuple[Example, ...] = ()
    """Questions with the answers one would like."""
    turns: int | None = Field(default=None, ge=0, le=1000)
    """How many of the person's earlier messages the model sees, each with its reply."""
    tokens: int | None = Field(default=None, ge=1)
    """How many tokens of earlier messages the model sees at most, by estimate; the oldest are left out first."""
    idle_minutes: int | None = Field(default=None, ge=0)
    """Minutes without a message after which the next one begins a new conversation; 0 for never."""
    tools: tuple[ToolName, ...] = ()
    """What the model may do beside answering: "draw_picture", "current_time", or tools of an MCP server."""
    spoken: Literal["never", "to_voice", "always"] = "never"
    """Whether answers are read aloud as well, where [models.speech] can: "to_voice" those to voice messages."""
    answer_format: Literal["markdown", "text", "json"] = "markdown"
    """"text" asks for words without markup; "json" has the model answer with a JSON object."""
    cases: tuple[Case, ...] = ()
    """Questions to try the chain on."""

    @model_validator(mode="after")
    def _aliases_need_a_command(self) -> Self:
        if self.aliases and not self.command:
            raise mistake("aliases", field="aliases")
        return self

    @classmethod
    def nested(cls) -> dict[str, type[BaseModel]]:
        """Return the tables inside the file."""
        return {"examples": Example, "cases": Case}

    @property
    def words(self) -> tuple[str, ...]:
        """Return the command with its other words; empty for a chain that has none."""
        return (self.command, *self.aliases) if self.command else ()

    def offered_to(self, person: Person) -> bool:
        """Whether command and keywords work for somebody; user ids are compared without regard to case."""
        if self.channels and person.channel not in self.channels:
            return False
        return self.is_for_everybody or person.user.casefold() in {user.casefold() for user in self.users}

    @property
    def is_for_everybody(self) -> bool:
        """Whether the chain is offered to everybody."""
        return not self.users or ANY_USER in self.users

    @cached_property
    def prompt_tokens(self) -> int:
        """Estimate how many tokens the chain itself adds to every question."""
        said = (self.system_prompt, self.template, *(f"{each.user}\n{each.assistant}" for each in self.examples))
        return sum(estimate(text) for text in said if text)

    @cached_property
    def revision(self) -> str:
        """Name the content: the same words always give the same 12 hexadecimal digits.

        Neither the chain's name nor a key that says what leaving it out says changes it.
        """
        content = self.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)
        canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def read_chain(file: Path) -> ChainConfig:
    """Read one chain; `ChainInvalid` names the file, the line, the key, what was found and what would be right."""
    return parse_chain(read_text(file), name=file.stem, source=str(file))


def read_text(file: Path) -> str:
    """Read the text of a chain's file; `ChainInvalid` if there is no text to read, or far too much."""
    try:
        with file.open("rb") as opened:
            found = opened.read(MOST_BYTES + 1)
            size = max(len(found), os.fstat(opened.fileno()).st_size)
    except OSError as error:
        said = Sentence("mistake.unreadable", said=os_reason(error))
        raise ChainInvalid(placed(str(file), said)) from error
    if len(found) > MOST_BYTES:
        said = Sentence("mistake.too_large", size=f"{size:,}", most=f"{MOST_BYTES:,}")
        raise ChainInvalid(placed(str(file), said))
    try:
        # As a text file is read: an editor of Windows ends lines in its own way.
        return found.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise ChainInvalid(placed(str(file), Sentence("mistake.not_utf8"))) from error


def is_name(text: str) -> bool:
    """Whether a chain may be called so; its file is."""
    return _NAME.fullmatch(text) is not None


def parse_chain(text: str, *, name: str, source: str) -> ChainConfig:
    """Check the text of a chain's file; `source` is what an error calls it."""
    if not text.strip():
        # No text is how a chain is taken away, and an editor empties a file before it writes.
        raise ChainInvalid(placed(source, Sentence("mistake.empty_file")))
    if _DOTTED.search(text):
        raise ChainInvalid(placed(source, Sentence("mistake.too_deep", most=_DEEPEST)))
    try:
        document = parse_toml(text)
    except TomlTooDeep as error:
        raise ChainInvalid(placed(source, Sentence("mistake.too_deep", most=_DEEPEST))) from error
    except tomllib.TOMLDecodeError as error:
        raise ChainInvalid(explain_syntax(source, error, text)) from error
    if _is_too_deep(document):
        raise ChainInvalid(placed(source, Sentence("mistake.too_deep", most=_DEEPEST)))
    where = locate_keys(text)
    if not is_name(name):
        raise ChainInvalid(placed(source, Sentence("mistake.file_name")))
    if document.setdefault("name", name) != name:
        said = Sentence("mistake.other_name", found=document["name"], name=name)
        raise ChainInvalid(keyed(source, "name", said, where.line(("name",))))
    return chain_of(document, source=source, where=where)


def chain_of(document: Mapping[str, Any], *, source: str, where: TomlLocations | None = None) -> ChainConfig:
    """Check what somebody wrote; `source` is what an error calls it."""
    where = where or TomlLocations()
    problems: list[Sentence] = []
    try:
        chain = ChainConfig.model_validate({key: _frozen(value) for key, value in document.items()}, strict=True)
    except ValidationError as error:
        problems = [explain(ChainConfig, problem, source, where) for problem in error.errors()]
    options = document.get("options")
    keys = frozenset(ChainConfig.model_fields)
    for path, said in option_problems(options, keys) if isinstance(options, Mapping) else ():
        problems.append(keyed(source, key_name(path), said, where.line(path)))
    if not problems and chain.prompt_tokens > MOST_TOKENS:
        said = Sentence("mistake.too_many_tokens", tokens=f"{chain.prompt_tokens:,}", most=f"{MOST_TOKENS:,}")
        key = "system_prompt" if chain.system_prompt else "examples"
        problems = [keyed(source, key, said, where.line((key,)))]
    if problems:
        raise ChainInvalid(*problems)
    return chain


def _is_too_deep(document: object) -> bool:
    """Whether tables and lists stand in one another too often: every step after this one calls itself for each."""
    layer: list[Any] = [document]
    for _ in range(_DEEPEST + 1):
        layer = [
            inner
            for each in layer
            for inner in (each.values() if isinstance(each, dict) else each)
            if isinstance(inner, dict | list)
        ]
        if not layer:
            return False
    return True


def _frozen(value: object) -> object:
    """Return a list as a tuple: a chain never changes once it is read."""
    if isinstance(value, list):
        return tuple(_frozen(each) for each in value)
    if isinstance(value, dict):
        return {key: _frozen(each) for key, each in value.items()}
    return value
