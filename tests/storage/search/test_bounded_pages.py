"""The first page of whatever is wanted reads a bounded part of PostgreSQL's tables, however much there is."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from storage.database.engine import Database, open_database
from storage.search.candidates import BLOCK_BITS
from storage.search.exchange_filter import ExchangeFilter
from storage.search.exchange_list import list_exchanges
from tests.databases import create_postgres_database, owned_database, postgres_url_of
from tests.storage.search.many_exchanges import A_DAY, BEGINNING, COUNT, DAY, FORMER, fill, reads_noted

_BLOCK = 2**BLOCK_BITS // 2
"""Exchanges in a block."""
_BOUND = 6 * _BLOCK
"""What is frequent is found by the index and then in the table; a page looks at the end of a block, at the next, and
perhaps once again. All that is former would be nearly three times as much."""
_PAGE = 50


@pytest.fixture(scope="module")
def filled_url(postgres_server: str) -> str:
    name = "webot_many_exchanges"
    url = postgres_url_of(postgres_server, name)

    async def make() -> None:
        await create_postgres_database(postgres_server, name, migrated=True)
        database = await asyncio.to_thread(open_database, url)
        await fill(database)
        await database.close()

    asyncio.run(make())
    return url


@pytest.fixture
async def filled(filled_url: str) -> AsyncIterator[Database]:
    async with owned_database(filled_url) as opened:
        yield opened


def _of(name: str, value: str) -> ExchangeFilter:
    given: dict[str, Any] = {name: value}
    return ExchangeFilter(**given)


def _values() -> Iterator[tuple[str, ExchangeFilter, int]]:
    """Return every filter with values of each age, and how many exchanges there are of it."""
    counts = {"present": COUNT - FORMER, "former": FORMER - 1, "single": 1, "absent": 0}
    for age, count in counts.items():
        for name in ("user", "channel", "group", "chain", "model", "words"):
            yield f"{name} {age}", _of(name, age), count
    halves = {"even": COUNT // 2, "odd": COUNT // 2 - 1, "single": 1, "absent": 0}
    for half, count in halves.items():
        for name in ("revision", "tool"):
            yield f"{name} {half}", _of(name, half), count
    yield "rated bad", ExchangeFilter(rated="bad"), 1
    yield "rated good", ExchangeFilter(rated="good"), FORMER - 1
    yield "failed", ExchangeFilter(failed=True), 1


def _ranges() -> Iterator[tuple[str, ExchangeFilter, int]]:
    """Return ranges of days of every length and age."""
    for name, first, length in (
        ("the first day", 0, 1),
        ("a day long ago", 20, 1),
        ("a day", 90, 1),
        ("weeks", 30, 17),
        ("a quarter", 5, 90),
    ):
        since = BEGINNING + first * DAY
        yield name, ExchangeFilter(since=since, until=since + length * DAY), A_DAY * length
    yield "before anything else", ExchangeFilter(until=BEGINNING), 1
    yield "a day without any", ExchangeFilter(since=BEGINNING - 20 * DAY, until=BEGINNING - 19 * DAY), 0
    yield "from long ago on", ExchangeFilter(since=BEGINNING - 40 * DAY), COUNT


def _combinations() -> Iterator[tuple[str, ExchangeFilter, int]]:
    long_ago: dict[str, Any] = {"since": BEGINNING, "until": BEGINNING + DAY}
    yield "both frequent, never together", ExchangeFilter(chain="former", model="present"), 0
    yield "both frequent and mixed, never together", ExchangeFilter(revision="even", tool="odd"), 0
    yield "words and a chain of another time", ExchangeFilter(words="present", chain="former"), 0
    yield "words of long ago and a chain", ExchangeFilter(words="said former", chain="former"), FORMER - 1
    yield "frequent words on a day long ago", ExchangeFilter(words="问题", **long_ago), A_DAY
    yield (
        "everything on a day long ago",
        ExchangeFilter(
            user="former",
            channel="former",
            group="former",
            chain="former",
            revision="even",
            model="former",
            tool="even",
            rated="good",
            words="said 问题",
            **long_ago,
        ),
        A_DAY // 2,
    )
    yield "everything of the single one", ExchangeFilter(user="single", failed=True, rated="bad", words="问题"), 1


_CASES = [
    pytest.param(wanted, count, id=name) for each in (_values, _ranges, _combinations) for name, wanted, count in each()
]


@pytest.mark.parametrize(("wanted", "count"), _CASES)
async def test_the_first_page_reads_no_more_than_some_blocks(
    filled: Database, wanted: ExchangeFilter, count: int
) -> None:
    async with reads_noted(filled) as reads:
        page = await list_exchanges(filled, wanted, limit=_PAGE)

    assert min(count, _PAGE) == len(page.exchanges)
    assert len(reads.statements) <= 6
    async with filled.read() as connection:
        assert await reads.rows(connection) <= _BOUND


async def test_words_that_never_stand_together_are_looked_for_in_bounded_steps(filled: Database) -> None:
    async with reads_noted(filled) as reads:
        page = await list_exchanges(filled, ExchangeFilter(words="乙丙乙"), limit=_PAGE)

    assert not page.exchanges
    assert page.cursor is not None
    async with filled.read() as connection:
        assert await reads.rows(connection) <= 5 * _BOUND


async def test_nothing_is_compiled_however_much_the_planner_expects(filled: Database) -> None:
    async with filled.read() as reading, filled.write() as writing:
        for connection in (reading, writing):
            assert "off" == (await connection.execute(text("SHOW jit"))).scalar_one()


async def test_pages_follow_one_another_across_blocks(filled: Database) -> None:
    wanted = ExchangeFilter(chain="former", tool="even")
    found: list[int] = []
    before: int | None = None
    while True:
        page = await list_exchanges(filled, wanted, before=before, limit=1000)
        found += [each.id for each in page.exchanges]
        if page.cursor is None:
            break
        before = page.cursor

    assert [2 * n + 1 for n in range(FORMER, 0, -1) if n % 2 == 0] == found
