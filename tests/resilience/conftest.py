"""What the tests of resilience share."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.fork_server import ForkServer
from tests.resilience.postgres import Postgres, postgres


@pytest.fixture(autouse=True)
def unblocked_loop() -> None:
    """Let the loop be blocked: it is only the harness's, webot runs in processes of its own."""


@pytest.fixture(scope="session")
def forks() -> Iterator[ForkServer]:
    """Start programs without their imports."""
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture
async def restartable() -> AsyncIterator[Postgres]:
    """A PostgreSQL that nobody else uses, so that it can be taken away."""
    async with postgres() as server:
        yield server
