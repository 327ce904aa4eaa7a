"""What every lease of a connection promises, asked of the database's and of its fake."""

import pytest

from pipeline.ports import ConnectionLease
from storage.database.connection_holders import ConnectionHolders
from storage.database.engine import Database
from tests.fakes.ports import SoleHolder


@pytest.fixture
def lease(contract_database: Database | None) -> ConnectionLease:
    return SoleHolder() if contract_database is None else ConnectionHolders(contract_database, "one")


async def test_a_free_connection_is_acquired_and_renewed(lease: ConnectionLease) -> None:
    assert [True, True] == [await lease.acquire("bot"), await lease.acquire("bot")]
    assert lease.seconds > 1


async def test_what_is_released_can_be_acquired_and_releasing_twice_is_no_error(lease: ConnectionLease) -> None:
    assert await lease.acquire("bot")
    await lease.release("bot")
    await lease.release("bot")

    assert await lease.acquire("bot")
