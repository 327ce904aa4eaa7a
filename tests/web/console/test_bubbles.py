"""A bubble of the chat is made once for all pages that show the same, and anew where anything of it differs."""

from dataclasses import replace

from adapters.simulator.platform.apps import invent_app
from adapters.simulator.platform.timeline import Delivered, Entry
from adapters.simulator.simulator import WeComSimulator
from pipeline.text.i18n import Catalogue, Language
from web.console.chat.bubbles import Bubbles
from web.console.chat.session import ConsoleSession

NAMES = {"help": "帮助"}


class Page:
    """A page of the chat: what it shows of an entry."""

    def __init__(self) -> None:
        app = invent_app()
        self._simulator = WeComSimulator([app])
        self._bubbles = Bubbles()
        self.room = ConsoleSession("wecom", app, self._simulator.phone("zhangsan", agent_id=app.agent_id))

    def entry(self, number: int, text: str = "你好 😀") -> Delivered:
        app = self.room.app
        return Delivered(number, 0.0, app.corp_id, app.agent_id, "zhangsan", f"m{number}", "text", text, text)

    def shown(self, entry: Entry, *, language: Language = "zh", user: str = "zhangsan") -> str:
        phone = self._simulator.phone(user, agent_id=self.room.app.agent_id)
        return self._bubbles.html(
            entry, replace(self.room, phone=phone), NAMES, simulator=self._simulator, catalogue=Catalogue(language)
        )


def test_who_looks_at_the_same_is_shown_the_same_without_its_being_made_again() -> None:
    page = Page()
    entry = page.entry(1)

    assert page.shown(entry) is page.shown(entry)
    assert "你好 😀" in page.shown(entry)


def test_another_language_another_reader_and_a_recalled_message_are_shown_as_what_they_are() -> None:
    page = Page()
    entry = page.entry(1)
    shown = page.shown(entry)

    assert shown != page.shown(entry, language="en")
    assert "user=lisi" in page.shown(entry, user="lisi")
    assert "你好" not in page.shown(replace(entry, recalled=True))
    assert shown == page.shown(entry)


def test_only_the_latest_are_kept() -> None:
    page = Page()
    entries = [page.entry(number) for number in range(1, 100)]
    first = page.shown(entries[0])
    for entry in entries:
        page.shown(entry)

    assert first == page.shown(entries[0])
    assert first is not page.shown(entries[0])
