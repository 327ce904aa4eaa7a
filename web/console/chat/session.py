"""Where one chats in the console: a simulated channel, and a member of its pretend company."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from litestar.exceptions import HTTPException

from adapters.simulator.phone import Phone
from adapters.simulator.platform.apps import App
from adapters.simulator.simulator import WeComSimulator
from pipeline.events import GROUP, Content, Text
from pipeline.settings import MenuButton
from web.wiring import Service

DEFAULT_USER = "zhangsan"
_GROUP_NAME = re.compile(r"[^\s/:|\x00-\x1f\x7f]{1,64}")
_SHOWN_PEOPLE = 30
_EXAMPLE_MEMBERS = (DEFAULT_USER, "lisi")
"""Who is in a group besides those who spoke: a conversation of one is none."""


@dataclass(frozen=True, slots=True)
class ConsoleSession:
    """One member's conversation with the app of one channel."""

    channel: str
    app: App
    phone: Phone

    @property
    def user(self) -> str:
        """Return the member's id."""
        return self.phone.user

    @property
    def group(self) -> str:
        """Return the group the conversation is in, empty for a single chat."""
        return self.phone.group

    @property
    def is_bot(self) -> bool:
        """Whether it is an AI bot, which has groups, quotes and thumbs."""
        return bool(self.app.bot_id)

    def mentioned(self, content: Content) -> Content:
        """Return what is said with the bot's name in front where only that reaches it: words in a group."""
        if isinstance(content, Text) and not self.is_addressed(content):
            return Text(f"@{self.app.name} {content.text}")
        return content

    def is_addressed(self, content: Content) -> bool:
        """Whether WeCom tells the bot of it: in a group only of words that mention it, and of presses."""
        if not self.group:
            return True
        match content:
            case Text(text):
                return text.lstrip().startswith(f"@{self.app.name}")
            case _:
                return content.kind in {"clicked", "feedback"}


@dataclass(frozen=True, slots=True)
class Button:
    """A button under the conversation: `key` for a click, `url` for a page, `buttons` for a group."""

    name: str
    key: str = ""
    url: str = ""
    buttons: tuple["Button", ...] = ()


class ConsoleSessions:
    """Finds rooms by what a request names; what it cannot find is a 404 whose `detail` is a key of the catalogue."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._apps = {name: opened.simulated for name, opened in service.channels.items() if opened.simulated}

    @property
    def simulator(self) -> WeComSimulator:
        """Return the simulator; there may be none."""
        if self._service.simulator is None:
            raise HTTPException(status_code=404, detail="console.no_simulator")
        return self._service.simulator

    @property
    def channels(self) -> tuple[str, ...]:
        """Name the simulated channels."""
        return tuple(self._apps) if self._service.simulator is not None else ()

    @property
    def first(self) -> str:
        """Return the channel that the page opens with: a bot, whose answers are seen while they are written."""
        return next((name for name, app in self._apps.items() if app.bot_id), next(iter(self._apps), ""))

    def find(self, asked: Mapping[str, str]) -> ConsoleSession:
        """Open the room of a `user` in a `channel`; left out, the first of each. A bot's may be a `group`."""
        simulator = self.simulator
        channel = asked.get("channel") or next(iter(self._apps), "")
        app = self._apps.get(channel)
        if app is None:
            raise HTTPException(status_code=404, detail="console.no_channel")
        group = asked.get("group", "")
        if group and not (app.bot_id and _GROUP_NAME.fullmatch(group)):
            raise HTTPException(status_code=404, detail="console.no_group")
        try:
            phone = simulator.phone(
                asked.get("user") or DEFAULT_USER, agent_id=app.agent_id, corp_id=app.corp_id, group=group
            )
        except LookupError:
            raise HTTPException(status_code=404, detail="console.no_user") from None
        return ConsoleSession(channel, app, phone)

    def people(self, room: ConsoleSession) -> tuple[str, ...]:
        """Name who is in the room, and who else spoke with its app lately, the latest first."""
        spoke = [
            said[-1]
            for (corp_id, agent_id, chat), screen in self.simulator.platform.timelines().items()
            if (corp_id, agent_id) == room.app.key and not chat.startswith(GROUP) and (said := screen.after(0))
        ]
        if room.group:
            spoke += [entry for entry in room.phone.entries(0) if entry.kind == "said"]
        spoke.sort(key=lambda entry: entry.number, reverse=True)
        in_group = _EXAMPLE_MEMBERS if room.group else ()
        names = dict.fromkeys((room.user, *(self._name(entry.user) for entry in spoke), *in_group))
        return tuple(names)[:_SHOWN_PEOPLE]

    def groups(self, room: ConsoleSession) -> tuple[str, ...]:
        """Name the groups in which something was said to a bot, the latest first, and the one the room is."""
        if not room.is_bot:
            return ()
        spoken: dict[str, int] = {}
        for (corp_id, agent_id, chat), screen in self.simulator.platform.timelines().items():
            if (corp_id, agent_id) == room.app.key and chat.startswith(GROUP):
                # A timeline is named in lower case; who spoke there knows the group's own name.
                spoken |= {entry.group: entry.number for entry in screen.after(0) if entry.kind == "said"}
        names = sorted(spoken, key=lambda name: spoken[name], reverse=True)
        return tuple(dict.fromkeys((*filter(None, [room.group]), *names)))[:_SHOWN_PEOPLE]

    def _name(self, user: str) -> str:
        # What was delivered names its reader in lower case.
        member = self.simulator.platform.directory.find(user)
        return member.user if member else user

    def button_names(self, room: ConsoleSession) -> dict[str, str]:
        """Return what the buttons of the app's menu are called, by their keys."""
        buttons = self.menu(room)
        return {each.key: each.name for button in buttons for each in (button, *button.buttons) if each.key}

    def menu(self, room: ConsoleSession) -> tuple[Button, ...]:
        """Return the app's menu, or the one the settings have ready for it."""
        made = self.simulator.menu(agent_id=room.app.agent_id, corp_id=room.app.corp_id)
        if made:
            return tuple(_made(button) for button in made)
        return tuple(_planned(button) for button in self._service.settings.menu_buttons)


def _made(button: Mapping[str, object]) -> Button:
    below = button.get("sub_button")
    return Button(
        name=str(button.get("name", "")),
        key=str(button.get("key", "")),
        url=str(button.get("url", "")),
        buttons=tuple(_made(each) for each in below) if isinstance(below, list) else (),
    )


def _planned(button: MenuButton) -> Button:
    return Button(button.name, button.key, button.url, tuple(map(_planned, button.buttons)))
