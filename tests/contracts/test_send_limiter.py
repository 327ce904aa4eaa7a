"""What every limiter of sending promises, asked of WeCom's and of its fake."""

from collections.abc import Callable

import pytest

from adapters.wecom.client.send_limiter import MemberSendLimiter
from pipeline.errors import TryAgain
from pipeline.events import Person
from pipeline.ports import SendLimiter
from tests.fakes.ports import FakeSendLimiter, FakeSendLog

ANNA = Person("wecom", "anna")


@pytest.fixture(params=["the fake", "WeCom's"])
def limiter(request: pytest.FixtureRequest) -> tuple[SendLimiter, Callable[[], None]]:
    """Return a limiter that lets one message through, and what closes it after that."""
    if request.param == "the fake":
        fake = FakeSendLimiter()
        return fake, lambda: setattr(fake, "closed", True)
    return MemberSendLimiter(FakeSendLog(), shared=False, per_minute=1), lambda: None


async def test_a_message_too_many_waits_blamelessly_and_says_how_long(
    limiter: tuple[SendLimiter, Callable[[], None]],
) -> None:
    it, close = limiter
    await it.acquire(ANNA)
    close()
    with pytest.raises(TryAgain) as refused:
        await it.acquire(ANNA)

    assert refused.value.blameless
    assert 0 < refused.value.after <= 61
