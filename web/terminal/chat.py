"""Runs a chat in the terminal, over the running service or one started for it."""

from dataclasses import replace
from pathlib import Path
from typing import TextIO

from pipeline.text.i18n import Catalogue
from web.settings.loading import Loaded
from web.terminal.chat_session import ChatSession
from web.terminal.client import reached
from web.terminal.terminal import opened

_DRAIN_SECONDS = 3.0


async def run_chat(loaded: Loaded, *, user: str, channel: str, group: str = "", stdin: TextIO, stdout: TextIO) -> bool:
    """Talk; false if something was not delivered or not answered. Raises `NotAnswered`."""
    settings = loaded.settings
    # Who leaves does not want to wait; what is not answered yet will be at the next start.
    limits = settings.limits.model_copy(update={"drain_seconds": min(_DRAIN_SECONDS, settings.limits.drain_seconds)})
    own = replace(loaded, settings=settings.model_copy(update={"limits": limits}))
    words = Catalogue(settings.chat.language)
    async with reached(loaded, own=own) as (client, is_own):
        found = await client.simulated(channel)
        session = {"user": user, "channel": str(found["name"]), "group": group}
        with opened(f"{user}> ", stdin, stdout) as terminal:
            if terminal.interactive:
                terminal.show(
                    words.text(
                        "terminal.greeting",
                        user=user,
                        channel=found["name"],
                        model=found["model"],
                        where=words.text("terminal.own", path=settings.log.path) if is_own else client.url,
                    )
                )
            folder = Path(settings.storage.data_dir) / "received"
            return await ChatSession(client, session, words, terminal=terminal, folder=folder).run()
