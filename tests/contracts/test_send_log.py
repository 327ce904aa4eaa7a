"""What every record of past sends promises, asked of the outbox's and of its fake."""

import time
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import insert

from pipeline.events import Person
from pipeline.ports import SendLog
from storage.database.engine import Database
from storage.database.tables import inbox, outbox
from storage.monitoring.send_log import OutboxSendLog
from tests.fakes.ports import FakeSendLog

ANNA, BERND = Person("wecom", "anna"), Person("wecom", "bernd")

Send = Callable[[Person, float], Awaitable[None]]


@pytest.fixture
def log(contract_database: Database | None) -> tuple[SendLog, Send]:
    """Return a log, and what has a message sent so many seconds ago."""
    now = time.time()
    if contract_database is None:
        fake = FakeSendLog()

        async def send_to_fake(person: Person, ago: float) -> None:
            fake.moments.setdefault(person, []).append(now - ago)

        return fake, send_to_fake
    database, numbers = contract_database, iter(range(1, 10))

    async def send(person: Person, ago: float) -> None:
        number = next(numbers)
        async with database.write() as connection:
            turn = {"id": number, "key": str(number), "lane": str(person), "n": number, "content": "{}"}
            whose = {"channel": person.channel, "user": person.user}
            await connection.execute(insert(inbox).values(**turn, **whose, sent_at=now, accepted_at=now))
            part = {"turn_id": number, "place": 0, "person": str(person), "part": "{}", "state": "sent"}
            await connection.execute(insert(outbox).values(**part, sent_at=now - ago))

    return OutboxSendLog(database), send


async def test_a_persons_own_messages_are_told_by_their_ages(log: tuple[SendLog, Send]) -> None:
    it, send = log
    assert [] == list(await it.sent_since(ANNA, 3600))
    await send(ANNA, 10)
    await send(ANNA, 300)
    await send(ANNA, 7200)
    await send(BERND, 20)
    ages = sorted(await it.sent_since(ANNA, 3600))

    assert [pytest.approx(10, abs=60), pytest.approx(300, abs=60)] == ages
    assert 1 == len(await it.sent_since(BERND, 3600))
