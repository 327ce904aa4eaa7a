"""Deletes a person's messages and files: on request, or after the retention period.

Rows go in one transaction. Files cannot: their names are noted in it, and they go right after, or with the janitor's
next round if the process dies in between.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from time import time

from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, func, literal, or_, select, update

from pipeline.errors import TryAgain
from pipeline.events import GROUP, Person, Text
from pipeline.lanes import lane_of
from pipeline.replies import FilePart, ImagePart, VoicePart
from pipeline.text.i18n import Sentence
from storage.conversations.audit import note
from storage.conversations.beginnings import title_of
from storage.conversations.polled_streams import forget_streams
from storage.conversations.ratings import forget_ratings
from storage.database.codec import content_to_json, media_from_json, part_from_json, pictures_from_json
from storage.database.console_tables import job_events, replay_judgements
from storage.database.engine import Database
from storage.database.reading import read_or_none, read_text
from storage.database.tables import (
    conversations,
    doomed_files,
    exported_files,
    inbox,
    lanes,
    messages,
    outbox,
    people,
)
from storage.media.files import MediaFolder
from storage.terms.term_index import remove_exchanges
from storage.usage.pseudonyms import InsertInto, anonymise
from storage.usage.pseudonyms import insert_into as _insert_into

_UNDER_WAY = ("waiting", "answered")
_UNHELD_DAYS = 3
"""Days that files nothing refers to stay: as long as WeCom keeps its own."""
_NOTHING = content_to_json(Text(""))
_BATCH = 500
_DAY = 86400.0
# Spelled out in the statement: neither database takes the index of messages with files for a value it is told later.
_SHOWS: ColumnElement[bool] = messages.c.media != literal("[]", literal_execute=True)


@dataclass(frozen=True, slots=True)
class Erased:
    """How much has gone."""

    conversations: int = 0
    messages: int = 0

    def __add__(self, other: "Erased") -> "Erased":
        return Erased(self.conversations + other.conversations, self.messages + other.messages)


async def find(database: Database, user: str) -> Sequence[Person]:
    """Return every person of a user id, whatever its case: one for each channel they have written on."""
    found: set[Person] = set()
    async with database.read() as connection:
        for table in (people, inbox):
            same = func.lower(table.c.user) == user.lower()
            rows = await connection.execute(select(table.c.channel, table.c.user).where(same).distinct())
            found |= {Person(row.channel, row.user) for row in rows}
    return sorted(found, key=str)


async def forget(database: Database, person: Person, *, who: str) -> Erased:
    """Delete everything of a person, and note it in the audit.

    Raises `TryAgain` while the person is being answered: the answer would be written behind our back.
    """

    def work(connection: Connection) -> Erased:
        # Who wants to add a turn to a lane waits until this has finished.
        connection.execute(select(lanes.c.lane).where(lanes.c.lane.in_(_lanes_of(person))).with_for_update())
        busy = select(func.count()).where(turns_of(person))
        if connection.execute(busy.where(inbox.c.state.in_(_UNDER_WAY))).scalar_one():
            raise TryAgain(Sentence("reason.person_busy", person=person))
        erased = erase(connection, person, insert_into=_insert_into(database))
        note(
            connection,
            "forget",
            who,
            {"person": str(person)},
            conversations=erased.conversations,
            messages=erased.messages,
        )
        return erased

    return await database.transact(work)


def erase(connection: Connection, person: Person, *, insert_into: InsertInto, but_turn: int = 0) -> Erased:
    """Delete everything of a person in the caller's transaction, except for a turn that is under way."""
    theirs = select(conversations.c.id).where(conversations.c.person == str(person))
    in_groups = messages.c.speaker == str(person)
    files = _files_of_messages(connection, messages.c.conversation_id.in_(theirs) | in_groups)
    groups_turns = (
        (inbox.c.channel == person.channel)
        & (inbox.c.user == person.user)
        & inbox.c.lane.like(f"{person.channel}/{GROUP}%")
    )
    all_but_one = select(inbox.c.id).where(turns_of(person) | groups_turns, inbox.c.id != but_turn)
    files |= _files_of_parts(connection, outbox.c.turn_id.in_(all_but_one))
    waiting = connection.execute(select(people.c.pictures).where(people.c.person == str(person)))
    files |= {sha256 for row in waiting for sha256 in _files_of_pictures(row.pictures)}
    made = connection.execute(
        delete(exported_files).where(exported_files.c.person == str(person)).returning(exported_files.c.sha256)
    )
    files |= {row.sha256 for row in made}
    mark_for_deletion(connection, files, insert_into=insert_into)
    _remove_judgements(connection, messages.c.conversation_id.in_(theirs) | in_groups)
    remove_exchanges(connection, messages.c.conversation_id.in_(theirs) | in_groups)
    said = (
        connection.execute(select(func.count()).select_from(messages).where(messages.c.conversation_id.in_(theirs)))
    ).scalar_one()
    in_groups_too = connection.execute(delete(messages).where(in_groups).returning(messages.c.conversation_id)).all()
    _rename(connection, {row.conversation_id for row in in_groups_too})
    held = connection.execute(
        delete(conversations).where(conversations.c.person == str(person)).returning(conversations.c.id)
    )
    connection.execute(delete(people).where(people.c.person == str(person)))
    forget_ratings(connection, person)
    forget_streams(connection, str(person))
    # Of no job is known whose questions it repeats. The jobs themselves, with their files, are removed by their runner.
    connection.execute(delete(job_events))
    anonymise(connection, person, insert=insert_into, now=time())
    _empty_turns(connection, inbox.c.id.in_(all_but_one))
    return Erased(len(held.all()), int(said) + len(in_groups_too))


def _rename(connection: Connection, which: Collection[int]) -> None:
    """Call conversations by the first question that is left of them: their names were the words of one that is gone."""
    earlier = messages.alias("earlier")
    first = (
        select(func.min(earlier.c.turn))
        .where(earlier.c.conversation_id == messages.c.conversation_id, earlier.c.role == "human")
        .scalar_subquery()
    )
    wanted = sorted(which)
    for start in range(0, len(wanted), _BATCH):
        some = wanted[start : start + _BATCH]
        left = select(messages.c.conversation_id, messages.c.content).where(
            messages.c.conversation_id.in_(some), messages.c.role == "human", messages.c.turn == first
        )
        names = {row.conversation_id: title_of(read_text(row.content)) for row in connection.execute(left)}
        connection.execute(
            update(conversations).where(conversations.c.id == bindparam("which")).values(title=bindparam("name")),
            [{"which": each, "name": names.get(each, "")} for each in some],
        )


def _remove_judgements(connection: Connection, which: ColumnElement[bool]) -> None:
    """Remove what users think of a replay's answers to questions that go."""
    connection.execute(
        delete(replay_judgements).where(replay_judgements.c.trace.in_(select(messages.c.trace).where(which)))
    )


def _lanes_of(person: Person) -> tuple[str, str]:
    lane = lane_of(person)
    return lane, f"{lane}/urgent"


def turns_of(person: Person) -> ColumnElement[bool]:
    """Return the condition for a person's turns."""
    # By their lanes, which have an index: one by channel and user would cost something for every message.
    return inbox.c.lane.in_(_lanes_of(person))


def _empty_turns(connection: Connection, which: ColumnElement[bool]) -> None:
    """Remove questions and answers from turns that have ended."""
    ended = which & inbox.c.state.not_in(_UNDER_WAY)
    connection.execute(delete(outbox).where(outbox.c.turn_id.in_(select(inbox.c.id).where(ended))))
    # The keys stay until the janitor takes them: WeCom may still deliver the same messages again.
    connection.execute(update(inbox).where(ended).values(content=_NOTHING, failure="", state="done"))


async def forget_old(database: Database, *, days: int) -> Erased:
    """Delete exchanges older than `days`, the conversations that are empty then, and documents of that age.

    Of turns that ended before, what was said goes, too, also of those that failed.
    """
    before = time() - days * _DAY
    messages_gone = 0
    while some := await _erase_exchanges(database, before):
        messages_gone += some

    def work(connection: Connection) -> Erased:
        empty = ~exists().where(messages.c.conversation_id == conversations.c.id)
        # One that is going on is closed first: an answer under way may be about to be written into it.
        connection.execute(
            update(people)
            .where(
                people.c.conversation_id.in_(
                    select(conversations.c.id).where(
                        conversations.c.last_at < before, conversations.c.closed_at.is_(None)
                    )
                )
            )
            .values(conversation_id=None)
        )
        gone = connection.execute(
            delete(conversations)
            .where(empty, conversations.c.last_at < before, conversations.c.closed_at.is_not(None))
            .returning(conversations.c.id)
        )
        connection.execute(
            update(conversations)
            .where(conversations.c.last_at < before, conversations.c.closed_at.is_(None))
            .values(closed_at=time())
        )
        old = (inbox.c.ended_at < before) & (inbox.c.content != _NOTHING)
        sent = _files_of_parts(connection, outbox.c.turn_id.in_(select(inbox.c.id).where(old)))
        _empty_turns(connection, old)
        made = connection.execute(
            delete(exported_files).where(exported_files.c.at < before).returning(exported_files.c.sha256)
        )
        mark_for_deletion(connection, sent | {row.sha256 for row in made}, insert_into=_insert_into(database))
        in_all = Erased(len(gone.all()), messages_gone)
        if in_all.messages or in_all.conversations:
            note(
                connection,
                "retention",
                "webot",
                {"days": days},
                conversations=in_all.conversations,
                messages=in_all.messages,
            )
        return in_all

    return await database.transact(work)


async def _erase_exchanges(database: Database, before: float) -> int:
    """Delete some exchanges whose answer is old, question and answer together; return how many messages went."""
    old = (
        select(messages.c.conversation_id, messages.c.turn)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(conversations.c.started_at < before, messages.c.created_at < before, messages.c.role == "ai")
        .limit(_BATCH)
    )
    # Looked for outside the transaction, in which nobody else can write.
    async with database.read() as connection:
        pairs = (await connection.execute(old)).all()
    if not pairs:
        return 0
    turns: dict[int, list[int]] = {}
    for pair in pairs:
        turns.setdefault(pair.conversation_id, []).append(pair.turn)
    these = or_(
        *(
            (messages.c.conversation_id == conversation) & messages.c.turn.in_(numbers)
            for conversation, numbers in turns.items()
        )
    )

    def work(connection: Connection) -> int:
        mark_for_deletion(connection, _files_of_messages(connection, these), insert_into=_insert_into(database))
        _remove_judgements(connection, these)
        remove_exchanges(connection, these)
        gone = connection.execute(delete(messages).where(these).returning(messages.c.id)).all()
        _rename(connection, turns)
        return len(gone)

    return await database.transact(work)


def mark_for_deletion(connection: Connection, files: Iterable[str], *, insert_into: InsertInto) -> None:
    """Note files that are to go."""
    rows = [{"sha256": name} for name in sorted(files)]
    if rows:
        connection.execute(insert_into(doomed_files).on_conflict_do_nothing(), rows)


async def delete_marked_files(database: Database, media: MediaFolder) -> int:
    """Remove the files that are to go and that nothing refers to any more; return how many went."""
    async with database.read() as connection:
        doomed = {row.sha256 for row in await connection.execute(select(doomed_files.c.sha256))}
        if not doomed:
            return 0
        held = await connection.run_sync(_referenced, doomed)
    removed = await media.remove(doomed - held)
    async with database.write() as connection:
        for name in doomed:
            await connection.execute(delete(doomed_files).where(doomed_files.c.sha256 == name))
    return removed


async def delete_unreferenced_files(database: Database, media: MediaFolder) -> int:
    """Remove old files that nothing refers to; return how many went.

    Such are recordings that were understood, pictures nobody asked about, answers that went out as files.
    """
    return await _delete_unreferenced(database, media, before=time() - _UNHELD_DAYS * _DAY)


async def delete_forgotten_files(database: Database, media: MediaFolder, *, forgotten_at: float) -> int:
    """Remove files that nothing refers to and that are from before a person was forgotten; return how many went.

    Whose a recording was is noted nowhere, so those of all go. What a turn may still need is younger than the turn.
    """
    oldest = select(func.min(inbox.c.accepted_at)).where(inbox.c.state.in_(_UNDER_WAY))
    async with database.read() as connection:
        under_way = (await connection.execute(oldest)).scalar_one()
    return await _delete_unreferenced(database, media, before=min(forgotten_at, under_way or forgotten_at))


async def _delete_unreferenced(database: Database, media: MediaFolder, *, before: float) -> int:
    old = await media.stored_before(before)
    if not old:
        return 0
    async with database.read() as connection:
        held = await connection.run_sync(_referenced, old)
    return await media.sweep(before=before, held=held)


def _referenced(connection: Connection, among: set[str]) -> set[str]:
    """Return those of some files that a message, a person, an export or a part to be sent refers to."""
    held = _shown_by_messages(connection, among)
    held |= {row.sha256 for row in connection.execute(select(exported_files.c.sha256))} & among
    for row in connection.execute(select(people.c.pictures).where(people.c.pictures != "[]")):
        held |= _files_of_pictures(row.pictures) & among
    return held | (_files_of_parts(connection, outbox.c.sent_at.is_(None))) & among


def _files_of_parts(connection: Connection, condition: ColumnElement[bool]) -> set[str]:
    rows = connection.execute(select(outbox.c.part).where(condition))
    parts = [read_or_none(part_from_json, row.part) for row in rows]
    return {part.media.sha256 for part in parts if isinstance(part, FilePart | ImagePart | VoicePart)}


def _files_of_messages(connection: Connection, condition: ColumnElement[bool]) -> set[str]:
    rows = connection.execute(select(messages.c.media).where(condition, _SHOWS))
    return {sha256 for row in rows for sha256 in _files_of_media(row.media)}


# What cannot be read names no file, and keeps nobody else's from being deleted.


def _files_of_media(value: str) -> set[str]:
    return {media.sha256 for media in read_or_none(media_from_json, value) or ()}


def _files_of_pictures(value: str) -> set[str]:
    return {picture.media.sha256 for picture in read_or_none(pictures_from_json, value) or ()}


def _shown_by_messages(connection: Connection, among: set[str]) -> set[str]:
    """Return those of some files that any message shows; a batch at a time, for there may be many."""
    found: set[str] = set()
    after = 0
    while True:
        some = select(messages.c.id, messages.c.media).where(messages.c.id > after, _SHOWS)
        rows = (connection.execute(some.order_by(messages.c.id).limit(_BATCH))).all()
        found |= {sha256 for row in rows for sha256 in _files_of_media(row.media)} & among
        if len(rows) < _BATCH:
            return found
        after = rows[-1].id
