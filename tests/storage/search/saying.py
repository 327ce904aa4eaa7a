"""Has people say things as a turn records them, and reads them back through the listing."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

from pipeline.answer import Exchange, ExchangeRecorded, Provenance, Rated
from pipeline.events import InboundEvent, Person, Text
from pipeline.turn_state import Turn
from storage.database.engine import Database
from storage.search.exchange_filter import ExchangeFilter
from storage.search.exchange_list import list_exchanges
from tests.storage.conversations.writing import write_changes

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC).timestamp()
ANN = Person("wecom", "Ann")
BY = Provenance("default", "r1", "deepseek-chat", input_tokens=3, output_tokens=4, cost=5)
_numbers = count(1)


async def say(
    database: Database,
    question: str,
    answer: str,
    *,
    by: Provenance = BY,
    person: Person = ANN,
    group: str = "",
    at: float = NOON,
) -> None:
    """Let a person say something and be answered, in a conversation of its own."""
    number = next(_numbers)
    event = InboundEvent(f"k{number}", person, Text(question), datetime.fromtimestamp(at, UTC))
    if group:
        event = replace(event, group=group)
    said = ExchangeRecorded(Exchange(question, answer), by, None)
    await write_changes(database, [(said, Turn(number, "lane", 0, event, accepted_at=at))], now=at)


async def rate(database: Database, *, good: bool | None, person: Person = ANN) -> None:
    """Let a person judge the latest answer."""
    event = InboundEvent(f"k{next(_numbers)}", person, Text("@good"), datetime.fromtimestamp(NOON, UTC))
    await write_changes(database, [(Rated(good), Turn(0, "lane", 0, event, accepted_at=NOON))], now=NOON)


async def questions(database: Database, wanted: ExchangeFilter) -> list[str]:
    """Return the questions of everything wanted, page by page of two."""
    found: list[str] = []
    before: int | None = None
    while True:
        page = await list_exchanges(database, wanted, before=before, limit=2)
        found += [each.question for each in page.exchanges]
        if page.cursor is None:
            return found
        before = page.cursor
