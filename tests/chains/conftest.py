"""What the tests of the chains share: a model server on this machine, and nobody else's."""

from collections.abc import AsyncIterator

import pytest

from chains.models import registry
from tests.fakes.openai_server import OpenAIServer

registry.ALLOW_REAL_MODELS = False


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as opened:
        yield opened
