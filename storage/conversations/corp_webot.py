"""Brings over what the predecessor, corp-webot, has stored: personas and conversations from its SQLite file.

Its tables: `user` or `users` (id, name, sys_prompt, update_time) and `context` (id, name, context_msg, update_time);
times in milliseconds, `context_msg` a JSON object `{"Key": …, "Context": [{"role": …, "content": …}, …]}`.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, insert, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.errors import WebotError
from pipeline.events import Person
from pipeline.text.i18n import Sentence
from storage.conversations.audit import note, operator
from storage.database.engine import Database
from storage.database.tables import conversations, legacy_imports, messages, people

_TITLE = 40
_CHAIN = "corp-webot"
_LATEST = 32503680000
"""The year 3000; what is dated later is dated wrong."""


class NotLegacy(WebotError):
    """The file is no database of corp-webot's; whoever named it must name another."""


@dataclass(frozen=True, slots=True)
class OldPersona:
    """What a person had set as their system prompt."""

    key: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class OldConversation:
    """A conversation: questions with their answers, either of which may be empty; `at` in seconds since 1970."""

    key: str
    name: str
    persona: str
    exchanges: tuple[tuple[str, str], ...]
    at: float


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that cannot be brought over, and why."""

    row: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportedCounts:
    """How much came over now; `known` had come before."""

    personas: int
    conversations: int
    messages: int
    known: int


def read_legacy(path: Path) -> list[OldPersona | OldConversation | UnreadableRow]:
    """Read everything in the old file, oldest first; nothing is written to it. Raises `NotLegacy`."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as old:
            old.text_factory = lambda raw: raw.decode(errors="replace")
            tables = {name for (name,) in old.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            found: list[OldPersona | OldConversation | UnreadableRow] = []
            for table in sorted(tables & {"user", "users"}):
                rows = old.execute(f'SELECT id, name, sys_prompt FROM "{table}" ORDER BY id')  # noqa: S608 (ours)
                found += [read for row in rows for read in _persona(table, *row)]
            if "context" in tables:
                rows = old.execute("SELECT id, name, context_msg, update_time FROM context ORDER BY update_time, id")
                found += [_talk(*row) for row in rows]
    except sqlite3.Error as error:
        raise NotLegacy(Sentence("shell.legacy_unreadable", file=str(path), said=str(error))) from None
    if not tables & {"user", "users", "context"}:
        raise NotLegacy(Sentence("shell.legacy_no_tables", file=str(path)))
    return found


async def import_legacy(
    database: Database, found: Sequence[OldPersona | OldConversation | UnreadableRow], channel: str
) -> ImportedCounts:
    """Write what was read, for the people of a channel, in one transaction; what came before is not written again.

    A persona somebody has set since is left as it is. How much came over is in the audit.
    """
    into = postgresql.insert if database.shared else sqlite.insert
    personas = talks = said = known = 0
    async with database.write() as connection:
        for each in found:
            if isinstance(each, UnreadableRow):
                continue
            fresh = await connection.execute(
                into(legacy_imports)
                .values(key=each.key, at=time())
                .on_conflict_do_nothing()
                .returning(legacy_imports.c.key)
            )
            if fresh.one_or_none() is None:
                known += 1
                continue
            person = Person(channel, each.name)
            await connection.execute(
                into(people)
                .values(person=str(person), channel=channel, user=each.name, persona="")
                .on_conflict_do_nothing()
            )
            match each:
                case OldPersona(text=text):
                    await connection.execute(
                        update(people)
                        .where(people.c.person == str(person), people.c.persona == "")
                        .values(persona=text)
                    )
                    personas += 1
                case OldConversation():
                    await _write(connection, person, each)
                    talks += 1
                    said += 2 * len(each.exchanges)
        counts = ImportedCounts(personas, talks, said, known)
        await connection.run_sync(_note_import, channel, counts)
    return counts


def _note_import(connection: Connection, channel: str, counts: ImportedCounts) -> None:
    details = {"channel": channel, "personas": counts.personas}
    note(connection, "import", operator(), details, conversations=counts.conversations, messages=counts.messages)


async def _write(connection: AsyncConnection, person: Person, talk: OldConversation) -> None:
    number: int = (
        await connection.execute(
            update(people)
            .where(people.c.person == str(person))
            .values(conversations=people.c.conversations + 1)
            .returning(people.c.conversations)
        )
    ).scalar_one()
    first = next((question for question, _ in talk.exchanges if question.strip()), "")
    line = " ".join(first.split())
    conversation: int = (
        await connection.execute(
            insert(conversations)
            .values(
                person=str(person),
                number=number,
                title=line if len(line) <= _TITLE else line[: _TITLE - 1] + "…",
                persona=talk.persona,
                turns=len(talk.exchanges),
                started_at=talk.at,
                last_at=talk.at,
                closed_at=talk.at,
            )
            .returning(conversations.c.id)
        )
    ).scalar_one()
    rows: list[Mapping[str, Any]] = []
    for turn, (question, answer) in enumerate(talk.exchanges, 1):
        common = {"conversation_id": conversation, "turn": turn, "trace": 0, "created_at": talk.at, "media": "[]"}
        rows.append(common | {"role": "human", "content": question, "chain": ""})
        rows.append(common | {"role": "ai", "content": answer, "chain": _CHAIN})
    await connection.execute(insert(messages), rows)


def _persona(table: str, number: int, name: object, prompt: object) -> Iterator[OldPersona | UnreadableRow]:
    if not isinstance(name, str) or not name.strip():
        yield UnreadableRow(f"{table} {number}", Sentence("shell.legacy_row_nameless"))
    elif isinstance(prompt, str) and prompt.strip():
        yield OldPersona(_key("persona", name, prompt), _storable(name).strip(), _storable(prompt).strip())


def _talk(number: int, name: object, content: object, at: object) -> OldConversation | UnreadableRow:
    row = f"context {number}"
    if not isinstance(name, str) or not name.strip():
        return UnreadableRow(row, Sentence("shell.legacy_row_nameless"))
    try:
        said = [(str(each["role"]), _storable(each["content"])) for each in json.loads(str(content))["Context"] or ()]
    except (ValueError, KeyError, TypeError, RecursionError):
        return UnreadableRow(row, Sentence("shell.legacy_row_json"))
    try:
        moment = float(at) / 1000  # type: ignore[arg-type]
    except (TypeError, ValueError):
        moment = -1
    if not 0 <= moment < _LATEST:
        return UnreadableRow(row, Sentence("shell.legacy_row_time", found=repr(at)))
    exchanges = tuple(_exchanges(said))
    if not exchanges:
        return UnreadableRow(row, Sentence("shell.legacy_row_empty"))
    persona = next((text for role, text in said if role == "system"), "")
    return OldConversation(_key("talk", number, name, content, at), _storable(name).strip(), persona, exchanges, moment)


def _exchanges(said: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    question: str | None = None
    for role, text in said:
        if role == "user":
            if question is not None:
                yield question, ""
            question = text
        elif role == "assistant":
            yield question or "", text
            question = None
    if question is not None:
        yield question, ""


def _storable(text: object) -> str:
    """Return text without what no database takes: NUL, and halves of characters cut in two. Raises `TypeError`."""
    if not isinstance(text, str):
        raise TypeError(type(text).__name__)
    return text.replace("\0", "").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _key(kind: str, *parts: object) -> str:
    return f"{kind}:{sha256(repr(parts).encode()).hexdigest()}"
