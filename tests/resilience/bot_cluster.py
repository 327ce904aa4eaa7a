"""A pretend WeCom in this process with one AI bot, and webot as processes of their own that are the bot."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Literal, Self

from adapters.simulator.platform.apps import ApiLimits, App, invent_bot
from adapters.simulator.simulator import WeComSimulator
from tests.fork_server import ForkServer
from tests.resilience.cluster import Service, free_port
from tests.resilience.processes import Program, module

Mode = Literal["connection", "callback"]

_KEPT = 100_000


class BotCluster:
    """All of them, in one folder; `settings` are environment names of webot beside those that connect it.

    `model_url` names a model that runs already, else one that answers after `model_delay` seconds is started.
    """

    def __init__(
        self,
        folder: Path,
        mode: Mode,
        *,
        database_url: str = "",
        model_delay: float = 0.2,
        model_url: str = "",
        settings: Mapping[str, str] | None = None,
        forks: ForkServer | None = None,
        cpus: Collection[int] = (),
    ) -> None:
        self.mode = mode
        self.database_url = database_url or f"sqlite+aiosqlite:///{folder}/webot.db"
        self.simulator = WeComSimulator(limits=ApiLimits(per_minute=0, per_hour=0, kept_messages=_KEPT))
        self.services: list[Service] = []
        self._folder = folder
        self._model_delay = model_delay
        self._model_url = model_url
        self._cpus = cpus
        self.settings = dict(settings or {})
        self._forks = forks
        self._exits = AsyncExitStack()
        self._bot = invent_bot()

    async def __aenter__(self) -> Self:
        try:
            await self._exits.enter_async_context(self.simulator)
            self.simulator.bots.poller.pause = 0.3
            self.simulator.bots.poller.again = 0.3
            self.simulator.register(self._bot)
            if not self._model_url:
                argv = module("tests.fakes.openai_server", "--delay", str(self._model_delay))
                model = Program(argv, folder=self._folder, name="model", forks=self._forks)
                self._exits.push_async_callback(_end, model)
                self._model_url = await model.start()
        except BaseException:
            await self._exits.aclose()
            raise
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._exits.aclose()

    @property
    def app(self) -> App:
        """The bot as it is registered now."""
        return self.simulator.platform.apps[self._bot.key]

    async def start(self, count: int) -> None:
        """Start so many webot processes."""
        for number in range(count):
            service = Service(
                self._folder,
                name=f"webot-{number}",
                port=free_port(),
                settings={**self._connections(), **self.settings},
                argv=module("web.cli", "serve"),
                cpus=self._cpus,
                forks=self._forks,
            )
            self.services.append(service)
            self._exits.push_async_callback(_end, service)
        await asyncio.gather(*(service.start() for service in self.services))
        self.call(self.services[0])

    def call(self, service: Service) -> None:
        """Register it, so that WeCom calls this process back from now on."""
        if self.mode == "callback":
            self.simulator.register(replace(self._bot, callback_url=f"http://127.0.0.1:{service.port}/bot"))

    def _connections(self) -> dict[str, str]:
        bot = self._bot
        credentials = (
            {"TOKEN": bot.token, "ENCODING_AES_KEY": bot.encoding_aes_key}
            if self.mode == "callback"
            else {"BOT_ID": bot.bot_id, "SECRET": bot.secret}
        )
        channel = {
            "KIND": "wecom_aibot",
            "MODE": self.mode,
            "CONNECTION_URL": self.simulator.bot_url,
            "NAME": bot.name,
            **credentials,
        }
        return {
            "WEBOT_STORAGE__DATABASE_URL": self.database_url,
            **{f"WEBOT_CHANNELS__BOT__{key}": value for key, value in channel.items()},
            "WEBOT_MODELS__DEFAULT__MODEL": "pretended",
            "WEBOT_MODELS__DEFAULT__BASE_URL": self._model_url,
            "WEBOT_MODELS__DEFAULT__API_KEY": "none-needed",
            "WEBOT_LIMITS__PER_USER_PER_MINUTE": "0",
        }


async def _end(program: Program) -> None:
    if program.runs:
        await program.kill()
