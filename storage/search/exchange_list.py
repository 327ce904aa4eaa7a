"""Lists exchanges, newest first, in pages: candidates by the index, each of which is looked at itself."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pipeline.answer import CUTS, Cut, ToolUse
from pipeline.events import GROUP
from pipeline.text.search_words import contains_phrases
from storage.conversations.ratings import READ, WRITTEN, Rating
from storage.database.codec import NO_MEDIA, tools_from_json
from storage.database.engine import Database
from storage.database.reading import read_count, read_or_none, read_text, read_time
from storage.database.tables import conversations, messages, ratings
from storage.search.candidates import find_candidates
from storage.search.exchange_filter import ExchangeFilter
from storage.terms.exchange_terms import failed
from storage.terms.term_index import is_rated

_MOST_TEXTS, _MOST_ROWS = 2000, 20_000
"""Candidates and empty blocks looked at for one page, with their texts and without; one not full by then says where to
go on."""
_BEGINNING = 1200
"""Characters of a question and an answer that are listed."""


@dataclass(frozen=True, slots=True)
class ListedExchange:
    """A question with its answer, by the id of the answer; `question` and `answer` are their beginnings."""

    id: int
    conversation: int
    title: str
    turn: int
    at: datetime
    channel: str
    user: str
    group: str
    question: str
    answer: str
    chain: str
    revision: str
    model: str
    rating: Rating
    """What was thought of it last."""
    good: int
    """How many people think it good, as `bad` is for bad."""
    bad: int
    cut: Cut
    tools: tuple[ToolUse, ...]
    input_tokens: int
    output_tokens: int
    milliseconds: int
    cost: int
    trace: int
    pictures: bool

    @property
    def failed(self) -> bool:
        """Whether something went wrong on the way to the answer."""
        return failed(self.cut, self.tools)


@dataclass(frozen=True, slots=True)
class ExchangePage:
    """Exchanges, and behind which id the next are; None when there are no more."""

    exchanges: tuple[ListedExchange, ...]
    cursor: int | None


_LATEST_ID = 2**63 - 1
_asked = messages.alias("asked")


async def list_exchanges(
    database: Database, wanted: ExchangeFilter, *, before: int | None = None, limit: int = 50
) -> ExchangePage:
    """Return the newest exchanges of those wanted whose answer's id is below `before`."""
    standing = _LATEST_ID if before is None else before
    found: list[ListedExchange] = []
    looked_at = 0
    # A few more than wanted: of what the index finds by several words some do not hold them beside one another.
    step, most = (2 * limit, _MOST_TEXTS) if wanted.words else (limit + 1, _MOST_ROWS)
    async with database.read() as connection:
        while looked_at < most:
            some = await find_candidates(connection, wanted, standing, step)
            for row in await _rows(connection, some.ids, wanted, most=limit - len(found)):
                found.append(_listed(row))
                if len(found) == limit:
                    return ExchangePage(tuple(found), None if some.below is None and row.id == some.ids[-1] else row.id)
            if some.below is None:
                return ExchangePage(tuple(found), None)
            looked_at += step
            standing = some.below
            # A block is read anew for each step that ends within it.
            step = min(4 * step, most // 4)
    return ExchangePage(tuple(found), standing)


async def matching_conversations(
    database: Database, wanted: ExchangeFilter, *, newest: int | None = None
) -> Sequence[int]:
    """Return the ids of the conversations in which something is wanted, in their order; of messages up to `newest`."""
    found: set[int] = set()
    standing = _LATEST_ID if newest is None else newest + 1
    step = 1000
    while True:
        async with database.read() as connection:
            some = await find_candidates(connection, wanted, standing, step)
            found.update(row.conversation_id for row in await _rows(connection, some.ids, wanted))
        if some.below is None:
            return sorted(found)
        standing = some.below


async def matching_answers(
    connection: AsyncConnection, wanted: ExchangeFilter, talks: Sequence[int]
) -> Collection[int]:
    """Return the ids of the answers that are wanted in some conversations."""
    rows = await connection.execute(_select(messages.c.conversation_id.in_(talks), wanted))
    return {row.id for row in rows if _holds(row, wanted)}


async def _rows(
    connection: AsyncConnection, ids: Sequence[int], wanted: ExchangeFilter, *, most: int | None = None
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the rows of those answers that are wanted, newest first; at least `most` where there are as many."""
    if not ids:
        return ()
    selected = _select(messages.c.id.in_(ids), wanted)
    if not (wanted.words or wanted.tool or wanted.failed):
        selected = selected.limit(most)
    return [row for row in (await connection.execute(selected)).all() if _holds(row, wanted)]


def _select(which: ColumnElement[bool], wanted: ExchangeFilter) -> Select[*tuple[Any, ...]]:
    whole = bool(wanted.words)
    texts = (_asked.c.content, messages.c.content)
    question, answer = texts if whole else (func.substr(each, 1, _BEGINNING) for each in texts)
    return (
        select(
            *(column for column in messages.c if column.name != "content"),
            conversations.c.person,
            conversations.c.title,
            question.label("question"),
            answer.label("answer"),
            _asked.c.media.label("shown"),
            _rated(1).label("good"),
            _rated(-1).label("bad"),
        )
        .select_from(
            messages.join(conversations, conversations.c.id == messages.c.conversation_id).outerjoin(
                _asked,
                (_asked.c.conversation_id == messages.c.conversation_id)
                & (_asked.c.turn == messages.c.turn)
                & (_asked.c.trace == messages.c.trace)
                & (_asked.c.role == "human"),
            )
        )
        .where(which, messages.c.role == "ai", *_conditions(wanted))
        .order_by(messages.c.id.desc())
    )


def _conditions(wanted: ExchangeFilter) -> Iterator[ColumnElement[bool]]:
    for column, value in (
        (messages.c.chain, wanted.chain),
        (messages.c.revision, wanted.revision),
        (messages.c.model, wanted.model),
    ):
        if value:
            yield _unindexed(column, "") == value
    if wanted.rated:
        yield is_rated(WRITTEN[wanted.rated])
    if wanted.since is not None:
        yield messages.c.created_at >= wanted.since
    if wanted.until is not None:
        yield messages.c.created_at < wanted.until
    talker = _unindexed(conversations.c.person, "")
    if wanted.channel:
        yield talker.startswith(f"{wanted.channel}/", autoescape=True)
    if wanted.group:
        yield talker.endswith(f"/{GROUP}{wanted.group}", autoescape=True)
    if wanted.user:
        person = func.coalesce(func.nullif(messages.c.speaker, ""), conversations.c.person)
        yield func.lower(person).endswith(f"/{wanted.user.lower()}", autoescape=True)


def _unindexed(column: ColumnElement[Any], nothing: str) -> ColumnElement[Any]:
    """Return a column as no index has it: rows are found by their ids, where a planner might read all of a chain."""
    return column + nothing


def _rated(rating: int) -> ColumnElement[int]:
    """Count those who think so of an answer; most are rated by nobody, and not looked for."""
    found = select(func.count()).where(ratings.c.message_id == messages.c.id, ratings.c.rating == rating)
    return case((messages.c.rating != 0, found.correlate(messages).scalar_subquery()), else_=0)


def _holds(row: Row[*tuple[Any, ...]], wanted: ExchangeFilter) -> bool:
    tools = read_or_none(tools_from_json, row.tools) or ()
    return (
        (not wanted.tool or any(used.name == wanted.tool for used in tools))
        and (not wanted.failed or failed(read_text(row.cut), tools))
        and contains_phrases(wanted.phrases, read_text(row.question), read_text(row.answer))
    )


def _listed(row: Row[*tuple[Any, ...]]) -> ListedExchange:
    channel, _, chat = read_text(row.person).partition("/")
    return ListedExchange(
        row.id,
        row.conversation_id,
        read_text(row.title),
        read_count(row.turn),
        read_time(row.created_at) or datetime.fromtimestamp(0, UTC),
        channel,
        read_text(row.speaker).partition("/")[2] or chat,
        chat.removeprefix(GROUP) if chat.startswith(GROUP) else "",
        read_text(row.question),
        read_text(row.answer),
        read_text(row.chain),
        read_text(row.revision),
        read_text(row.model),
        READ.get(row.rating, READ[0]),
        read_count(row.good),
        read_count(row.bad),
        next((cut for cut in CUTS if cut == row.cut), ""),
        read_or_none(tools_from_json, row.tools) or (),
        read_count(row.input_tokens),
        read_count(row.output_tokens),
        read_count(row.milliseconds),
        read_count(row.cost),
        read_count(row.trace),
        (row.media, row.shown) != (NO_MEDIA, NO_MEDIA),
    )
