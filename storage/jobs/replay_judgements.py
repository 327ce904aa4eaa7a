"""What users think of a draft's answers beside the live ones, one judgement each of every answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import time
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, select

from storage.conversations.audit import note
from storage.database.console_tables import replay_judgements as table
from storage.database.engine import Database

Judged = Literal["better", "same", "worse"]


@dataclass(frozen=True, slots=True)
class ComparedRevisions:
    """A chain with the two revisions that are compared."""

    chain: str
    live: str
    draft: str


@dataclass(frozen=True, slots=True)
class ReplayJudgement:
    """What a user thinks of the draft's answer to a question; `at` in seconds since 1970."""

    trace: int
    by: str
    verdict: Judged
    at: float


async def judge_answer(
    database: Database, compared: ComparedRevisions, trace: int, verdict: Judged | None, *, by: str
) -> None:
    """Keep a judgement in place of the user's former one, or take that back, and write it into the audit."""
    named = {"chain": compared.chain, "live": compared.live, "draft": compared.draft, "trace": trace, "by": by}
    details: Mapping[str, Any] = {
        "chain": compared.chain,
        "live": compared.live,
        "draft": compared.draft,
        "trace": trace,
        "verdict": verdict or "withdrawn",
    }

    def write(connection: Connection) -> None:
        former = delete(table).where(*(table.c[column] == value for column, value in named.items()))
        connection.execute(former)
        if verdict:
            connection.execute(insert(table).values(**named, verdict=verdict, at=time()))
        note(connection, "replay_judge", by, details, conversations=0, messages=0)

    await database.transact(write)


async def judgements_of(database: Database, compared: ComparedRevisions) -> Sequence[ReplayJudgement]:
    """Return every judgement of two revisions, by question and user."""
    wanted = (
        select(table)
        .where(table.c.chain == compared.chain, table.c.live == compared.live, table.c.draft == compared.draft)
        .order_by(table.c.trace, table.c.by)
    )
    async with database.read() as connection:
        rows = (await connection.execute(wanted)).all()
    return [ReplayJudgement(row.trace, row.by, row.verdict, row.at) for row in rows]
