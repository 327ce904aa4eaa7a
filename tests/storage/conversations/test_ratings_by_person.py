"""What each person of a group thinks of an answer: counted, found, taken back and forgotten by person."""

import asyncio
import json
from datetime import UTC, datetime
from random import Random

import pytest
from sqlalchemy import insert, select, text, update

from exports.select import Selection, stream
from exports.writers import csv, jsonl
from pipeline.answer import Rated
from pipeline.events import Feedback, InboundEvent, Person
from pipeline.turn_state import Turn
from storage.conversations.deletion import forget
from storage.conversations.ratings import RatingCount, adopt_ratings, count_ratings, rate
from storage.database.engine import Database, open_database
from storage.database.migrate import migrate, upgrade
from storage.database.tables import inbox, messages, ratings
from storage.search.exchange_filter import ExchangeFilter
from storage.search.exchange_list import list_exchanges
from storage.usage.pseudonyms import insert_into
from storage.usage.rating_sums import RatingSums, rating_sums
from tests.storage.conversations.writing import write_changes
from tests.storage.search.saying import questions, say

ANN, BOB, CEC = (Person("bot", name) for name in ("Ann", "bob", "cec"))
KEY = ("default", "r1")
GOOD, BAD, NOTHING = Rated(good=True), Rated(good=False), Rated(good=None)


async def answers(database: Database) -> list[int]:
    async with database.read() as connection:
        wanted = select(messages.c.id).where(messages.c.role == "ai").order_by(messages.c.id)
        return list((await connection.execute(wanted)).scalars())


async def think(database: Database, person: Person, rated: Rated, *, answer: int = 0, at: float = 0.0) -> None:
    meant = (await answers(database))[answer]
    into = insert_into(database)
    await database.transact(lambda connection: rate(connection, meant, person, rated, now=at, insert=into))


async def found(database: Database) -> tuple[list[str], list[str]]:
    """Return the questions whose answers somebody found good, and bad."""
    good = await questions(database, ExchangeFilter(rated="good"))
    return good, await questions(database, ExchangeFilter(rated="bad"))


async def shown(database: Database) -> list[tuple[int, str]]:
    """Return what answers themselves say was thought of them last."""
    async with database.read() as connection:
        wanted = select(messages.c.rating, messages.c.rating_note).where(messages.c.role == "ai")
        return [(row.rating, row.rating_note) for row in await connection.execute(wanted.order_by(messages.c.id))]


@pytest.fixture
async def asked(database: Database) -> Database:
    """A question of Ann's in a group, which is answered."""
    await say(database, "when?", "soon", person=ANN, group="G1")
    return database


async def test_one_persons_opinion_stands_beside_anothers(asked: Database) -> None:
    await think(asked, ANN, GOOD, at=1)
    await think(asked, BOB, Rated(good=False, why="too vague"), at=2)
    (listed,) = (await list_exchanges(asked, ExchangeFilter(group="G1"))).exchanges

    assert {KEY: RatingCount(good=1, bad=1)} == await count_ratings(asked)
    assert (["when?"], ["when?"]) == await found(asked)
    assert ("bad", 1, 1) == (listed.rating, listed.good, listed.bad)
    assert {"bot/Ann": RatingSums(good=1), "bot/bob": RatingSums(bad=1)} == await rating_sums(asked, "person")
    assert {"bot": RatingSums(good=1, bad=1)} == await rating_sums(asked, "channel")


async def test_who_changes_their_mind_is_counted_once(asked: Database) -> None:
    await think(asked, BOB, Rated(good=False, why="too vague"), at=1)
    await think(asked, BOB, GOOD, at=2)

    assert {KEY: RatingCount(good=1)} == await count_ratings(asked)
    assert (["when?"], []) == await found(asked)
    assert [(1, "")] == await shown(asked)


async def test_who_takes_an_opinion_back_takes_nobody_elses(asked: Database) -> None:
    await think(asked, ANN, Rated(good=True, why="yes"), at=1)
    await think(asked, BOB, BAD, at=2)
    await think(asked, BOB, NOTHING, at=3)
    left, shown_then = await count_ratings(asked), await shown(asked)
    await think(asked, CEC, NOTHING, at=4)
    await think(asked, ANN, NOTHING, at=5)

    assert ({KEY: RatingCount(good=1)}, [(1, "yes")]) == (left, shown_then)
    assert ({}, ([], []), [(0, "")]) == (await count_ratings(asked), await found(asked), await shown(asked))


async def test_a_person_forgotten_no_longer_thinks_anything_of_answers_to_others(asked: Database) -> None:
    await say(asked, "where?", "here", person=BOB, group="G1")
    await think(asked, ANN, GOOD, at=1)
    await think(asked, BOB, Rated(good=False, why="too vague"), at=2)
    await think(asked, BOB, BAD, answer=1, at=3)
    await forget(asked, BOB, who="test")

    assert {KEY: RatingCount(good=1)} == await count_ratings(asked)
    assert (["when?"], []) == await found(asked)
    assert [(1, "")] == await shown(asked)
    async with asked.read() as connection:
        assert ["bot/Ann"] == list((await connection.execute(select(ratings.c.person))).scalars())


async def test_what_happens_in_any_order_is_found_and_counted_as_it_stands(asked: Database) -> None:
    names = ["when?", "where?", "why?"]
    for question in names[1:]:
        await say(asked, question, "so", person=BOB, group="G1")
    chance, expected = Random(14), dict[tuple[int, Person], bool]()  # noqa: S311
    for at in range(60):
        answer, person = chance.randrange(3), chance.choice((ANN, BOB, CEC))
        opinion = chance.choice((True, False, None))
        expected.pop((answer, person), None)
        if opinion is not None:
            expected[answer, person] = opinion
        await think(asked, person, Rated(opinion), answer=answer, at=at)
        wanted = tuple(
            [names[n] for n in (2, 1, 0) if any(at_n == n and good is each for (at_n, _), each in expected.items())]
            for good in (True, False)
        )
        opinions = list(expected.values())
        counts = (await count_ratings(asked)).get(KEY, RatingCount())

        assert wanted == await found(asked)
        assert RatingCount(opinions.count(True), opinions.count(False)) == counts


async def test_a_press_under_an_answer_is_whose_finger_it_was(asked: Database) -> None:
    common = {"lane": "bot/group:G1", "channel": "bot", "user": "Ann", "content": "", "sent_at": 0, "accepted_at": 0}
    async with asked.write() as connection:
        (trace,) = (await connection.execute(select(messages.c.trace).distinct())).scalars()
        await connection.execute(insert(inbox).values(id=trace, key="asked", n=1, **common))
    for person, good in ((ANN, True), (BOB, False), (CEC, False), (BOB, None)):
        pressed = InboundEvent("pressed", person, Feedback("asked", good, ""), datetime.now(UTC), "G1")
        turn = Turn(99, "bot/group:G1", 0, pressed, accepted_at=0.0)
        await write_changes(asked, [(Rated(good, answer="asked"), turn)], now=1.0)

    assert {"bot/Ann": RatingSums(good=1), "bot/cec": RatingSums(bad=1)} == await rating_sums(asked, "person")


async def test_records_say_who_thinks_what(asked: Database) -> None:
    await think(asked, ANN, GOOD, at=1)
    await think(asked, BOB, Rated(good=False, why="=too vague"), at=2)
    (transcript,) = [each async for each in stream(asked, Selection(rated="good"))]
    _, answer = [json.loads(line) for line in jsonl.lines(transcript)]
    _, row = csv.lines(transcript)

    assert [("Ann", "good", ""), ("bob", "bad", "=too vague")] == [
        (each["user"], each["rating"], each["note"]) for each in answer["ratings"]
    ]
    assert row.endswith(""","bad","'=too vague","1","1"\r\n""")


async def test_what_a_process_of_the_version_before_notes_is_taken_over(asked: Database) -> None:
    await say(asked, "where?", "here", person=BOB)
    async with asked.write() as connection:
        answered = messages.c.role == "ai"
        await connection.execute(update(messages).where(answered).values(rating=-1, rating_note="no"))
    await think(asked, CEC, GOOD, at=2)
    taken_over = await adopt_ratings(asked), await adopt_ratings(asked)

    assert (1, 0) == taken_over
    assert {KEY: RatingCount(good=1, bad=2)} == await count_ratings(asked)
    assert {"bot/Ann": RatingSums(bad=1), "bot/bob": RatingSums(bad=1), "bot/cec": RatingSums(good=1)} == (
        await rating_sums(asked, "person")
    )


@pytest.mark.usefixtures("no_schema")
async def test_opinions_from_before_they_were_kept_by_person_are_those_of_who_asked(database_url: str) -> None:
    database = await asyncio.to_thread(open_database, database_url)
    async with database.write() as connection:
        await connection.run_sync(upgrade, "0026")
        for number, person in ((1, "wecom/ann"), (2, "bot/group:G1")):
            await connection.execute(
                text(
                    "INSERT INTO conversations (id, person, number, title, persona, turns, started_at, last_at) "
                    "VALUES (:id, :person, 1, '', '', 1, 0, 0)"
                ),
                {"id": number, "person": person},
            )
        for talk, speaker, rating, note in ((1, "", 1, ""), (2, "bot/bob", -1, "no"), (2, "bot/cec", 0, "")):
            await connection.execute(
                text(
                    "INSERT INTO messages (conversation_id, turn, role, content, media, created_at, trace, chain, "
                    "revision, model, input_tokens, output_tokens, milliseconds, rating, rating_note, speaker) "
                    "VALUES (:talk, 1, 'ai', '', '[]', 7, 1, 'default', 'r1', 'm', 0, 0, 0, :rating, :note, :speaker)"
                ),
                {"talk": talk, "speaker": speaker, "rating": rating, "note": note},
            )
    await migrate(database)
    async with database.read() as connection:
        kept = select(ratings.c.person, ratings.c.rating, ratings.c.note, ratings.c.at).order_by(ratings.c.message_id)
        rows = [tuple(row) for row in await connection.execute(kept)]
    await database.close()

    assert [("wecom/ann", 1, "", 7.0), ("bot/bob", -1, "no", 7.0)] == rows
