"""What WeCom knows: apps, tokens, members, media, menus, and what each phone shows. Pure and synchronous."""

import itertools
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapters.simulator.platform.apps import ApiLimits, App
from adapters.simulator.platform.directory import Directory, Member
from adapters.simulator.platform.errcodes import ApiError
from adapters.simulator.platform.media import UploadStore
from adapters.simulator.platform.stats import Stats
from adapters.simulator.platform.timeline import Entry, MemberAction, Timeline
from adapters.simulator.platform.tokens import IssuedTokens
from pipeline.events import GROUP, Content

Button = Mapping[str, Any]
"""A button of a menu, as `menu/create` brought it."""


def chat_of(user: str, group: str) -> str:
    """Return where something is shown: on a member's phone, or in a group."""
    return f"{GROUP}{group}" if group else user


class Platform:
    """One pretend WeCom. `members` None knows everybody whose id is well-formed."""

    def __init__(
        self,
        *,
        members: Iterable[Member] | None = None,
        limits: ApiLimits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.limits = limits or ApiLimits()
        self.clock = clock
        self.apps: dict[tuple[str, int], App] = {}
        self.directory = Directory(members)
        self.tokens = IssuedTokens(seconds=self.limits.token_seconds, clock=clock)
        self.uploads = UploadStore(kept_bytes=self.limits.kept_media_bytes, clock=clock)
        self.menus: dict[tuple[str, int], Sequence[Button]] = {}
        self.counts = Stats()
        self._screens: dict[tuple[str, int, str], Timeline] = {}
        self._numbers = itertools.count(1)
        self.earlier = 0
        """The highest number of what was shown before this run."""
        # Ids of messages must not come again after a restart: the service remembers those it has answered.
        self._msg_ids = itertools.count(time.time_ns() // 1000)

    def register(self, app: App) -> App:
        """Add an app, or change the one of the same corp and number."""
        before = self.apps.get(app.key)
        if before is not None and before.secret != app.secret:
            self.tokens.expire(app.key)
        self.apps[app.key] = app
        return app

    def app(self, agent_id: int | None = None, corp_id: str | None = None) -> App:
        """Return the app meant; a `LookupError` lists those there are when none or several fit."""
        fitting = [
            app for app in self.apps.values() if agent_id in {None, app.agent_id} and corp_id in {None, app.corp_id}
        ]
        if len(fitting) == 1:
            return fitting[0]
        known = ", ".join(f"{app.corp_id}/{app.agent_id}" for app in self.apps.values()) or "none"
        raise LookupError(f"{len(fitting)} apps fit corp {corp_id!r} and agent {agent_id!r}; there are: {known}")

    def login(self, corp_id: str, secret: str) -> App:
        """Return the app a secret belongs to; refuses with 41002, 41004, 40013 or 40001."""
        if not corp_id:
            raise ApiError(41002)
        if not secret:
            raise ApiError(41004)
        apps = [app for app in self.apps.values() if app.corp_id == corp_id]
        if not apps:
            raise ApiError(40013)
        for app in apps:
            if secrets.compare_digest(app.secret.encode(), secret.encode("utf-8", "replace")):
                return app
        raise ApiError(40001)

    def caller(self, token: str) -> App:
        """Return the app that calls with a token; refuses with 41001, 40014 or 42001."""
        return self.apps[self.tokens.holder(token)]

    def timeline(self, app: App, user: str) -> Timeline:
        """Return a member's conversation with an app."""
        key = (*app.key, user.casefold())
        found = self._screens.get(key)
        if found is None:
            found = self._screens[key] = Timeline(self.limits)
        return found

    def timelines(self) -> Mapping[tuple[str, int, str], Timeline]:
        """Return every conversation by its corp, agent and user; user ids are in lower case here."""
        return self._screens

    def number(self) -> int:
        """Return the next number in the order of what happens."""
        return next(self._numbers)

    def show_earlier(self, entries: Iterable[Entry]) -> None:
        """Show what an earlier run showed, oldest first, before anything else; the entries get their numbers here."""
        for entry in entries:
            app, self.earlier = self.apps[entry.corp_id, entry.agent_id], self.number()
            chat = chat_of(entry.user, entry.group) if isinstance(entry, MemberAction) else entry.user
            self.timeline(app, chat).show(replace(entry, number=self.earlier))

    def note(
        self,
        app: App,
        user: str,
        content: Content,
        *,
        is_message: bool,
        group: str = "",
        quote: Content | None = None,
        attachments: tuple[Content, ...] = (),
    ) -> MemberAction:
        """Record what a member did; messages get an id of their own."""
        msg_id = str(next(self._msg_ids)) if is_message else ""
        at, number = self.clock(), self.number()
        said = MemberAction(
            number, at, app.corp_id, app.agent_id, user, msg_id, content, group, quote=quote, attachments=attachments
        )
        self.timeline(app, chat_of(user, group)).show(said)
        return said
