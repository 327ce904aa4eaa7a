"""Chooses what to export, and gives it as a stream: what is held at once does not grow with what is chosen."""

from bisect import bisect
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, exists, func, select

from exports.records import ConversationInfo, Message, Transcript
from pipeline.answer import CUTS, PersonRating
from storage.conversations.ratings import READ, WRITTEN, Rating, ratings_of
from storage.database.codec import media_from_json, tools_from_json
from storage.database.engine import Database
from storage.database.reading import read_count, read_or_none, read_text, read_time
from storage.database.tables import conversations, messages, people
from storage.search.exchange_filter import EVERY_EXCHANGE, ExchangeFilter
from storage.search.exchange_list import matching_answers, matching_conversations
from storage.terms.term_index import is_rated

_TURNS = 1000
_HEADS = 200


@dataclass(frozen=True, slots=True)
class Selection:
    """What is wanted; empty fields want everything. Times in seconds since 1970.

    `users` are user ids, whatever their case; `persons` are keys of `people`, which are looked up and not for.
    `since` and `until` (not included) are held against the question, `chain`, `revision`, `model` and `rated`
    against the answer: an exchange is taken or left as a whole. `search` takes conversations in which it occurs.
    """

    since: float | None = None
    until: float | None = None
    users: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    chain: str = ""
    revision: str = ""
    model: str = ""
    rated: Rating = ""
    search: str = ""
    found: ExchangeFilter = EVERY_EXCHANGE
    """Takes the exchanges that a page of the console lists, and no others."""
    newest: int | None = None
    """The id of the latest message taken: what is said while an export runs is not in it."""

    def described(self) -> dict[str, Any]:
        """Return what is set, for the manifest and the audit."""
        found = self.found.described()
        given = {key: value for key, value in asdict(self).items() if value not in (None, "", ()) and key != "found"}
        return given | ({"found": found} if found else {})


async def newest_message(database: Database) -> int:
    """Return the id of the latest message, 0 if there is none."""
    async with database.read() as connection:
        return int((await connection.execute(select(func.coalesce(func.max(messages.c.id), 0)))).scalar_one())


async def count(database: Database, chosen: Selection) -> tuple[int, int]:
    """Return how many conversations a selection has, and how many messages at most."""
    if chosen.found:
        ids = await matching_conversations(database, chosen.found, newest=chosen.newest)
        return len(ids), 2 * len(ids)
    wanted = select(func.count(), func.coalesce(func.sum(conversations.c.turns), 0) * 2).select_from(_JOINED)
    async with database.read() as connection:
        row = (await connection.execute(wanted.where(*_conditions(chosen)))).one()
    return int(row[0]), int(row[1])


async def stream(
    database: Database, chosen: Selection, *, after: int = 0, whole: bool = True, at_once: int = _TURNS
) -> AsyncIterator[Transcript]:
    """Return the conversations in the order of their ids, from the one behind `after`; without `whole`, in pieces.

    Read are `at_once` exchanges at once, of one conversation or of several.
    """
    ids: Sequence[int] = ()
    if chosen.found:
        ids = await matching_conversations(database, chosen.found, newest=chosen.newest)
    while True:
        wanted = following(chosen, after)
        if chosen.found:
            ids = ids[bisect(ids, after) :]
            wanted = wanted.where(conversations.c.id.in_(ids[:_HEADS]))
        async with database.read() as connection:
            heads = (await connection.execute(wanted)).all()
        if not heads and len(ids) <= _HEADS:
            return
        after = heads[-1].id if heads else ids[_HEADS - 1]
        for batch in _batches(heads, at_once):
            async for transcript in _read(database, chosen, batch, whole=whole, at_once=at_once):
                yield transcript


_JOINED = conversations.join(people, people.c.person == conversations.c.person)


def following(chosen: Selection, after: int) -> Select[*tuple[Any, ...]]:
    """Look for the next conversations behind one, in the order of their ids."""
    return (
        select(conversations, people.c.channel, people.c.user)
        .select_from(_JOINED)
        .where(conversations.c.id > after, *_conditions(chosen))
        .order_by(conversations.c.id)
        .limit(_HEADS)
    )


def _conditions(chosen: Selection) -> Iterator[ColumnElement[bool]]:
    if chosen.since is not None:
        yield conversations.c.last_at >= chosen.since
    if chosen.until is not None:
        yield conversations.c.started_at < chosen.until
    if chosen.users:
        yield func.lower(people.c.user).in_([user.lower() for user in chosen.users])
    if chosen.persons:
        yield conversations.c.person.in_(chosen.persons)
    if chosen.channels:
        yield people.c.channel.in_(chosen.channels)
    if chosen.numbers:
        yield conversations.c.number.in_(chosen.numbers)
    answered = [
        column == wanted
        for column, wanted in (
            (messages.c.chain, chosen.chain),
            (messages.c.revision, chosen.revision),
            (messages.c.model, chosen.model),
        )
        if wanted
    ]
    if chosen.rated:
        answered.append(is_rated(WRITTEN[chosen.rated]))
    here = messages.c.conversation_id == conversations.c.id
    if answered:
        yield exists().where(and_(here, *answered))
    if chosen.search:
        yield exists().where(here, messages.c.content.icontains(chosen.search, autoescape=True))


def _batches(heads: Sequence[Row[*tuple[Any, ...]]], at_once: int) -> Iterator[list[Row[*tuple[Any, ...]]]]:
    batch: list[Row[*tuple[Any, ...]]] = []
    turns = 0
    for head in heads:
        if batch and turns + head.turns > at_once:
            yield batch
            batch, turns = [], 0
        batch.append(head)
        turns += head.turns
    if batch:
        yield batch


async def _read(
    database: Database, chosen: Selection, heads: Sequence[Row[*tuple[Any, ...]]], *, whole: bool, at_once: int
) -> AsyncIterator[Transcript]:
    if len(heads) == 1 and heads[0].turns > at_once:
        gathered: list[Message] = []
        for first in range(0, heads[0].turns, at_once):
            window = and_(messages.c.turn > first, messages.c.turn <= first + at_once)
            part = [
                message for _, found in await _messages(database, chosen, [heads[0].id], window) for message in found
            ]
            if whole:
                gathered += part
            elif part:
                yield Transcript(_conversation(heads[0]), tuple(part))
        if gathered:
            yield Transcript(_conversation(heads[0]), tuple(gathered))
        return
    found = dict(await _messages(database, chosen, [head.id for head in heads]))
    for head in heads:
        if said := found.get(head.id):
            yield Transcript(_conversation(head), said)


async def _messages(
    database: Database, chosen: Selection, ids: Sequence[int], *conditions: ColumnElement[bool]
) -> list[tuple[int, tuple[Message, ...]]]:
    if chosen.newest is not None:
        conditions = (*conditions, messages.c.id <= chosen.newest)
    wanted = (
        select(messages)
        .where(messages.c.conversation_id.in_(ids), *conditions)
        .order_by(messages.c.conversation_id, messages.c.turn, messages.c.id)
    )
    async with database.read() as connection:
        rows = (await connection.execute(wanted)).all()
        found = await matching_answers(connection, chosen.found, ids) if chosen.found else None
        rated = await ratings_of(connection, [row.id for row in rows if row.rating])
    by_id = attrgetter("conversation_id")
    return [(number, tuple(_chosen(list(said), chosen, found, rated))) for number, said in groupby(rows, by_id)]


def _chosen(
    rows: Sequence[Row[*tuple[Any, ...]]],
    chosen: Selection,
    found: Collection[int] | None,
    rated: Mapping[int, Sequence[PersonRating]],
) -> Iterator[Message]:
    for _, exchange in groupby(rows, attrgetter("turn")):
        said = [_message(row, rated.get(row.id, ())) for row in exchange]
        if _wanted(said[0], said[-1], chosen) and (found is None or any(each.id in found for each in said)):
            yield from said


@dataclass(frozen=True, slots=True)
class ReadConversation:
    """A part of a conversation to be read: its exchanges from `first` to `last`, of `turns` in all."""

    transcript: Transcript
    first: int
    last: int
    turns: int


async def read_conversation(database: Database, id_: int, *, around: int | None, limit: int) -> ReadConversation | None:
    """Return some exchanges of a conversation, those around one or the latest; None where there is no such one."""
    one = select(conversations, people.c.channel, people.c.user).select_from(_JOINED).where(conversations.c.id == id_)
    async with database.read() as connection:
        head = (await connection.execute(one)).one_or_none()
    if head is None:
        return None
    turns = max(read_count(head.turns), 0)
    first = max(1, min((turns if around is None else around) - limit // 2, turns - limit + 1))
    last = first + limit - 1
    found = await _messages(database, Selection(), [id_], messages.c.turn.between(first, last))
    said = found[0][1] if found else ()
    return ReadConversation(Transcript(_conversation(head), said), first, min(last, turns), turns)


def _wanted(question: Message, answer: Message, chosen: Selection) -> bool:
    return (
        (chosen.since is None or question.at >= chosen.since)
        and (chosen.until is None or question.at < chosen.until)
        and (not chosen.chain or answer.chain == chosen.chain)
        and (not chosen.revision or answer.revision == chosen.revision)
        and (not chosen.model or answer.model == chosen.model)
        and (not chosen.rated or any(each.rating == chosen.rated for each in answer.ratings))
    )


def _conversation(row: Row[*tuple[Any, ...]]) -> ConversationInfo:
    return ConversationInfo(
        row.id,
        row.channel,
        row.user,
        row.number,
        read_text(row.title),
        read_text(row.persona),
        _seconds(row.started_at),
        _seconds(row.last_at),
    )


def _seconds(value: Any) -> float:  # noqa: ANN401 -- a row may hold anything
    """Return a time in seconds since 1970; 0 where the value says none, for the rest of the row is worth exporting."""
    return 0.0 if read_time(value) is None else float(value)


def _message(row: Row[*tuple[Any, ...]], rated: Sequence[PersonRating]) -> Message:
    return Message(
        row.turn,
        row.role,
        read_text(row.content),
        () if row.media == "[]" else read_or_none(media_from_json, row.media) or (),
        _seconds(row.created_at),
        row.trace,
        row.chain,
        row.revision,
        row.model,
        row.input_tokens,
        row.output_tokens,
        row.milliseconds,
        row.aside,
        read_or_none(tools_from_json, row.tools) or (),
        READ.get(row.rating, READ[0]),
        row.rating_note,
        next((cut for cut in CUTS if cut == row.cut), ""),
        row.estimated,
        read_text(row.speaker).partition("/")[2],
        read_count(row.cost),
        row.id,
        bool(row.spoken),
        tuple(rated),
    )
