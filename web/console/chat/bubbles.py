"""Bubbles of the chat page: each is made once for all pages that show the same conversation in the same language."""

from collections import OrderedDict
from collections.abc import Mapping

from adapters.simulator.platform.timeline import Entry
from adapters.simulator.simulator import WeComSimulator
from pipeline.text.i18n import Catalogue
from web.console.chat.session import ConsoleSession
from web.console.chat.view_models import message_view
from web.console.pages import rendered

_KEPT = 64
"""Pages that are open together get an entry at nearly the same time."""

_Key = tuple[int, str, str, str, str, tuple[tuple[str, str], ...]]


class Bubbles:
    """Makes HTML of entries, and keeps the latest."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Key, tuple[Entry, str]] = OrderedDict()

    def html(
        self,
        entry: Entry,
        room: ConsoleSession,
        names: Mapping[str, str],
        *,
        simulator: WeComSimulator,
        catalogue: Catalogue,
    ) -> str:
        """Return the bubble of an entry as the member of the room sees it; `names` are those of the menu's buttons."""
        key = (entry.number, room.channel, room.user, room.group, catalogue.language, tuple(names.items()))
        held = self._kept.get(key)
        # An entry that was recalled is another one with the same number.
        if held is not None and held[0] is entry:
            return held[1]
        bubble = message_view(entry, simulator, catalogue, names, reader=room.user)
        html = rendered("bubble.html", catalogue, bubble=bubble, room=room)
        self._kept[key] = (entry, html)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return html
