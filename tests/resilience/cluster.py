"""A pretend WeCom, a pretend model and webot between them, each a process of its own, in one folder."""

import re
import socket
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from pydantic_core import to_json

from adapters.simulator.platform.apps import App, invent_app
from adapters.simulator.platform.timeline import Delivered
from tests.fakes.wecom.remote import RemoteSimulator
from tests.fork_server import ForkServer
from tests.resilience.processes import Program, module
from tests.resilience.webhook_clients import Letter, letter

_KEPT = 100_000
_LONGEST_WAIT = 60.0
"""Seconds the simulator waits for messages at the most."""
_PATIENCE = 90.0
"""What WeCom refuses for being too much is tried again after a minute."""


class Service(Program):
    """One webot process."""

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        port: int,
        settings: Mapping[str, str],
        argv: Sequence[str],
        cpus: Collection[int],
        forks: ForkServer | None,
    ) -> None:
        self.port = port
        self.log = folder / f"{name}.log"
        own = {"WEBOT_SERVER__PORT": str(port), "WEBOT_LOG__OUTPUT": "file", "WEBOT_LOG__PATH": str(self.log)}
        if "PYTHONPATH" not in settings:  # an earlier version, which knows no such key
            own["WEBOT_CONSOLE__PORT"] = "0"
        super().__init__(argv, folder=folder, name=name, environ={**settings, **own}, cpus=cpus, forks=forks)

    def faults(self) -> list[str]:
        """Give what its log has of errors and exceptions."""
        said = self.log.read_text(errors="replace") if self.log.exists() else ""
        return [
            line
            for line in (said + self.errors.read_text(errors="replace")).splitlines()
            if re.search(r"Traceback|\[error|\[critical|Exception", line, re.IGNORECASE)
        ]


class Cluster:
    """The three of them; `settings` are environment names of webot beside those that connect it.

    `model_url` names a model that runs already, else one that answers after `model_delay` seconds is started.
    """

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str = "",
        model_url: str = "",
        model_delay: float = 0.0,
        settings: Mapping[str, str] | None = None,
        beside: Collection[int] = (),
        forks: ForkServer | None = None,
    ) -> None:
        self.folder = folder
        self.app: App = invent_app(callback_url="http://webot/gpt")
        self.database_url = database_url or f"sqlite+aiosqlite:///{folder}/webot.db"
        self.services: list[Service] = []
        self._model_url = model_url
        self._model_delay = model_delay
        self._settings = settings or {}
        self._beside = beside
        self._forks = forks
        self._exits = AsyncExitStack()
        self.wecom_url = ""

    async def __aenter__(self) -> Self:
        apps = self.folder / "apps.json"
        apps.write_bytes(to_json([self.app]))
        unlimited = ("--per-minute", "0", "--per-hour", "0", "--kept", str(_KEPT))
        wecom = self._program("wecom", module("tests.fakes.wecom", "--apps", str(apps), *unlimited))
        try:
            self.wecom_url = await wecom.start()
            self.wecom = await self._exits.enter_async_context(RemoteSimulator(self.wecom_url))
            if not self._model_url:
                model = self._program("model", module("tests.fakes.openai_server", "--delay", str(self._model_delay)))
                self._model_url = await model.start()
        except BaseException:
            await self._exits.aclose()
            raise
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._exits.aclose()

    def service(
        self,
        *,
        argv: Sequence[str] = (),
        cpus: Collection[int] = (),
        settings: Mapping[str, str] | None = None,
        name: str = "",
    ) -> Service:
        """Make a webot process, not started yet; `argv` names another program than `webot serve`."""
        service = Service(
            self.folder,
            name=name or f"webot-{len(self.services)}",
            port=free_port(),
            settings={**self._connections(), **self._settings, **(settings or {})},
            argv=argv or module("web.cli", "serve"),
            cpus=cpus,
            forks=self._forks,
        )
        self.services.append(service)
        self._exits.push_async_callback(_end, service)
        return service

    async def serve(
        self,
        *,
        argv: Sequence[str] = (),
        cpus: Collection[int] = (),
        settings: Mapping[str, str] | None = None,
        name: str = "",
    ) -> Service:
        """Make a webot process and start it."""
        service = self.service(argv=argv, cpus=cpus, settings=settings, name=name)
        await service.start()
        return service

    def letter(self, user: str, text: str) -> Letter:
        """Let a member say something."""
        return letter(self.app, user, text)

    async def delivered(self, user: str, *, count: int, within: float = _PATIENCE) -> Sequence[Delivered]:
        """Give all that came to a member once there are so many; `TimeoutError` if that takes too long."""
        until = time.monotonic() + within
        while True:
            left = max(0.0, until - time.monotonic())
            try:
                return await self.wecom.messages(user, count=count, within=min(left, _LONGEST_WAIT))
            except TimeoutError:
                if left <= _LONGEST_WAIT:
                    raise

    async def total(self) -> int:
        """Count what came to anybody."""
        return int((await self.wecom.counts())["delivered"])

    def _program(self, name: str, argv: Sequence[str]) -> Program:
        program = Program(argv, folder=self.folder, name=name, cpus=self._beside, forks=self._forks)
        self._exits.push_async_callback(_end, program)
        return program

    def _connections(self) -> dict[str, str]:
        app = self.app
        return {
            "WEBOT_STORAGE__DATABASE_URL": self.database_url,
            "WEBOT_CHANNELS__WECOM__CORP_ID": app.corp_id,
            "WEBOT_CHANNELS__WECOM__SECRET": app.secret,
            "WEBOT_CHANNELS__WECOM__AGENT_ID": str(app.agent_id),
            "WEBOT_CHANNELS__WECOM__TOKEN": app.token,
            "WEBOT_CHANNELS__WECOM__ENCODING_AES_KEY": app.encoding_aes_key,
            "WEBOT_CHANNELS__WECOM__API_BASE": self.wecom_url,
            "WEBOT_MODELS__DEFAULT__MODEL": "pretended",
            "WEBOT_MODELS__DEFAULT__BASE_URL": self._model_url,
            "WEBOT_MODELS__DEFAULT__API_KEY": "none-needed",
            "WEBOT_LIMITS__PER_USER_PER_MINUTE": "0",
        }


def free_port() -> int:
    """Give a port nobody listens at, so that a service can come back where it was."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


async def _end(program: Program) -> None:
    # A frozen process does not hear that it shall end; a kill it cannot ignore.
    if program.runs:
        await program.kill()
