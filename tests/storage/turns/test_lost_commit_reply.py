"""Commits whose answer is lost: done or not, nobody can say, and nothing may hang on it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import pytest
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from pipeline.errors import TryAgain
from pipeline.events import Person
from pipeline.lanes import lane_of
from storage.database.engine import Database
from storage.database.migrate import migrate
from tests.storage.turns.test_worker import accept, said, working

Got = TypeVar("Got")

ZHANG = Person("wecom", "张三")


class LosesAnswers(Database):
    """A database that commits and then, each `every` writes, breaks the connection."""

    every = 0
    writes = 0

    async def transact(self, work: Callable[[Connection], Got]) -> Got:
        """Do work in one transaction, as `Database` does."""
        got = await super().transact(work)
        self.writes += 1
        if self.every and self.writes % self.every == 0:
            raise ConnectionResetError("after the commit")
        return got


@pytest.fixture
async def losing(database_url: str) -> AsyncIterator[LosesAnswers]:
    opened = await asyncio.to_thread(LosesAnswers, make_url(database_url))
    await asyncio.to_thread(opened.own)
    await migrate(opened)
    yield opened
    await opened.close()


async def test_a_message_whose_acceptance_is_in_doubt_is_answered_once(losing: LosesAnswers) -> None:
    async with working(losing) as (worker, run):
        losing.every = 1
        with pytest.raises(TryAgain):
            await accept(worker, said(ZHANG, "你好"))
        losing.every = 0
        new = await accept(worker, said(ZHANG, "你好"))
        await run.until_sent(1)

        assert not new
        assert ["你好"] == run.sent["wecom/张三"]


@pytest.mark.parametrize("every", [3, 5])
async def test_no_lost_answer_of_a_commit_loses_or_doubles_a_reply(losing: LosesAnswers, every: int) -> None:
    people = [Person("wecom", f"u{number}") for number in range(4)]
    async with working(losing) as (worker, run):

        async def insist(person: Person, text: str) -> None:
            while True:
                try:
                    await accept(worker, said(person, text))
                except TryAgain:
                    continue
                return

        losing.every = every
        for n in range(6):
            await asyncio.gather(*(insist(person, f"{n}") for person in people))
        await run.until_sent(24)
        losing.every = 0

        assert [[f"{n}" for n in range(6)]] * 4 == [run.sent[lane_of(person)] for person in people]
