"""How the service is: what is ready, where WeCom has to call, and who answers."""

from dataclasses import dataclass
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from pipeline.text.i18n import Catalogue, in_language
from web.console.pages import page
from web.security.roles import Permission
from web.wiring import Service

_Request = Request[Any, Any, Any]

DEMO = "demo"


@dataclass(frozen=True, slots=True)
class ChannelState:
    """A channel; `callback_url` is what is pasted into WeCom, empty while nobody outside can reach us.

    `path` is empty where WeCom does not call: a bot's connection is ours.
    """

    name: str
    path: str
    callback_url: str
    simulated: bool
    missing: tuple[str, ...]
    """Keys of the credentials that connect it to WeCom, where it is simulated."""
    chain: str
    model: str


@dataclass(frozen=True, slots=True)
class State:
    """The whole service; `database`, `files`, `worker` and `loops` say what is wrong with them, or nothing."""

    database: str
    files: str
    worker: str
    loops: str
    running: int
    simulated: bool
    public_url: str
    refused: tuple[str, ...]
    """What is wrong with the latest edit of the settings, which is therefore not in use."""
    waiting: tuple[str, ...]
    """Keys of the settings that hold from the next start on."""
    chains: tuple[str, ...]
    """What is wrong with chains' files; where one cannot be used, what it said before answers."""
    channels: tuple[ChannelState, ...]

    @property
    def ready(self) -> bool:
        """Whether everything works."""
        return not (self.is_unanswered or self.files)

    @property
    def is_unanswered(self) -> bool:
        """Whether nobody is answered."""
        return bool(self.database or self.worker or self.loops)

    @property
    def is_demo(self) -> bool:
        """Whether some channel is answered by the built-in demo."""
        return any(channel.model == DEMO for channel in self.channels)


async def state_of(service: Service) -> State:
    """Return the state of the service."""
    public_url = service.settings.server.public_url.rstrip("/")
    chains = {name: service.settings.channels[name].chain for name in service.channels}
    words = Catalogue(service.settings.chat.language)
    return State(
        database=await service.worker.readiness.trouble(),
        files=await service.files.trouble(),
        worker=service.worker.trouble,
        loops=service.loops_trouble,
        running=service.worker.running,
        simulated=service.simulator is not None,
        public_url=public_url,
        refused=service.edit.refused,
        waiting=service.edit.waiting,
        chains=tuple(in_language(problem, words) for problem in service.catalog.problems),
        channels=tuple(
            ChannelState(
                name=name,
                path=opened.path,
                callback_url=public_url + opened.path if public_url else "",
                simulated=opened.simulated is not None,
                missing=opened.missing,
                chain=chains[name],
                model=service.chains.model(chains[name]),
            )
            for name, opened in service.channels.items()
        ),
    )


def status_routes(service: Service) -> list[HTTPRouteHandler]:
    """Make the route of the status page."""

    @get("/status", permission=Permission.READ_TURNS)
    async def status(request: _Request) -> Response[str]:
        return page("status.html", request, state=await state_of(service), tab="status")

    return [status]
