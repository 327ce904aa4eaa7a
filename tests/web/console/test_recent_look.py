"""What many consoles ask again and again is looked at once for all of them."""

import asyncio
from functools import partial

import pytest

from pipeline.text.i18n import Catalogue
from storage.monitoring.views import TurnView
from web.console.pages import rendered, rendered_in_turns
from web.console.recent_look import RecentLook
from web.console.turns.turns_page import TurnList


class Counted:
    """What is looked at, and how often it was; each look lets others run, as a query does."""

    def __init__(self) -> None:
        self.looks = 0
        self.at = 100.0
        self.broken = False

    async def find(self) -> int:
        """Count this look and return its number."""
        self.looks += 1
        await asyncio.sleep(0)
        if self.broken:
            raise OSError("the database is away")
        return self.looks

    def clock(self) -> float:
        """Return the time."""
        return self.at


async def test_fifty_consoles_share_a_look_and_a_page_for_a_second_and_no_longer() -> None:
    counted = Counted()
    look = RecentLook(counted.find, clock=counted.clock)
    made: list[str] = []

    async def make(language: str, found: int) -> str:
        made.append(language)
        # As a page that is long lets others run.
        await asyncio.sleep(0)
        return f"{language} {found}"

    async def ask(language: str) -> str:
        seen = await look.get()
        return await seen.page(language, partial(make, language, seen.found))

    first = await asyncio.gather(*(ask(language) for language in ["zh"] * 25 + ["en"] * 25))
    counted.at += 0.9
    still = await ask("zh")
    counted.at += 0.1
    then = await ask("zh")

    assert (["zh 1"] * 25 + ["en 1"] * 25, "zh 1", "zh 2") == (first, still, then)
    assert ["zh", "en", "zh"] == made


async def test_a_look_that_fails_is_not_kept() -> None:
    counted = Counted()
    look = RecentLook(counted.find, clock=counted.clock)
    counted.broken = True
    with pytest.raises(OSError, match="away"):
        await look.get()
    counted.broken = False

    assert 2 == (await look.get()).found


async def test_pages_of_keys_without_end_are_made_and_not_kept() -> None:
    counted = Counted()
    seen = await RecentLook(counted.find, clock=counted.clock).get()

    async def make(text: str) -> str:
        return text

    for number in range(100):
        await seen.page(number, partial(make, "x"))

    assert "x" == await seen.page(0, partial(make, "made anew"))
    assert "made anew" == await seen.page(99, partial(make, "made anew"))


async def test_a_list_of_many_rows_lets_others_run_while_it_is_made() -> None:
    words, waiting = Catalogue("en"), (TurnView(1, "wecom/li", "wecom", "li", "waiting", 0, "", None, 0, 0, 0), "")
    lists = [TurnList("waiting", 50, [waiting] * 50)]
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count_turns())
    shown = {"to": str, "user": None, "lists": lists, "running": 0}
    html = await rendered_in_turns("turns_list.html", words, **shown)
    other.cancel()

    assert html == rendered("turns_list.html", words, **shown)
    assert turns > 5
