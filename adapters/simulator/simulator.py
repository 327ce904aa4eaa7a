"""A pretend WeCom that listens: start it, and `api_base` of a channel can point at it."""

from typing import Self

from adapters.simulator.control import control_routes
from adapters.simulator.server import SimulatorServer
from adapters.simulator.world import World


class WeComSimulator(World):
    """A `World` that other code reaches over HTTP: WeCom's API under /cgi-bin, our own controls under /simulator."""

    _server: SimulatorServer | None = None
    url = ""
    """The base URL while it listens."""
    bot_url = ""
    """Where AI bots connect while it listens."""

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen in the running event loop and give the base URL.

        Raises `SettingsInvalid` for a host beyond this machine and `OSError` for a port that is taken.
        """
        if self._server is not None:
            raise RuntimeError("the simulator is running already")
        server = SimulatorServer(self.platform, self.faults)
        self.url = await server.start(host, port, control_routes(self, server.closing))
        self._server = server
        self.bot_url = await self.bots.start()
        return self.url

    async def stop(self) -> None:
        """Stop listening; conversations stay, and it can be started again."""
        if self._server is not None:
            await self.bots.stop()
            await self._server.stop()
            self._server, self.url, self.bot_url = None, "", ""

    async def aclose(self) -> None:
        """Stop listening and let go of connections, for good."""
        await self.stop()
        await self.callback_sender.aclose()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.aclose()
