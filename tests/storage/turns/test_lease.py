"""A worker's lease on a real PostgreSQL."""

import asyncio
from time import monotonic

from storage.database.engine import Database
from storage.turns.lease import Lease

SECONDS = 6.0


async def test_nothing_is_begun_in_the_last_third_of_a_lease_which_is_not_enough_to_note_it(postgres: Database) -> None:
    lease = Lease(postgres, "one", lost=lambda: None, seconds=SECONDS)
    await lease.start()
    try:
        lease._until = monotonic() + SECONDS / 4  # noqa: SLF001 -- as when the renewals before have failed
        async with asyncio.timeout(30):
            await lease.hold()

        assert lease.left > SECONDS / 4
    finally:
        await lease.stop()
