"""Opens the channels of the settings; those without credentials are played by the simulator."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.channel_kind import ChannelContext, OpenedChannel, StandInContext
from adapters.simulator.platform.apps import App
from adapters.simulator.simulator import WeComSimulator
from pipeline.errors import SettingsInvalid
from pipeline.settings import ChannelSettings
from pipeline.text.i18n import Sentence
from pipeline.text.phrases import placed
from web.settings.loading import Loaded

RESERVED = ("/console", "/healthz", "/metrics", "/operations", "/readyz", "/static", "/test")


@dataclass(frozen=True, slots=True)
class Opened(OpenedChannel):
    """A channel at work; where it is simulated, its app, and the credentials it lacks for the real platform."""

    simulated: App | None = None
    missing: tuple[str, ...] = ()


def wants_simulator(loaded: Loaded) -> bool:
    """Whether some channel is for the simulator to play."""
    return loaded.settings.simulator.enabled and not all(table.has_credentials for table in loaded.channels.values())


def open_channels(
    loaded: Loaded, *, simulator: WeComSimulator | None, own_url: str, context: Callable[[str], ChannelContext]
) -> dict[str, Opened]:
    """Open every channel. Raises `SettingsInvalid` for two that would get each other's messages."""
    if problems := clashes(loaded):
        raise SettingsInvalid(problems)
    opened: dict[str, Opened] = {}
    number = 0
    for name, table in loaded.channels.items():
        kind, app, missing = loaded.kinds[table.kind], None, table.missing_credentials
        if simulator is not None and kind.stand_in is not None and not table.has_credentials:
            table, app = kind.stand_in(table, StandInContext(name, number, own_url, simulator))  # noqa: PLW2901
            number += 1
        one = kind.open(table, context(name))
        opened[name] = Opened(
            one.channel,
            one.path,
            one.forget,
            one.respond,
            one.start,
            one.trouble,
            one.bot_id,
            one.delivers,
            app,
            missing,
        )
    return opened


def delivered_elsewhere(opened: Mapping[str, Opened]) -> frozenset[str]:
    """Name the channels whose answers another process delivers."""
    return frozenset(name for name, one in opened.items() if not one.delivers())


def clashes(loaded: Loaded) -> list[str]:
    """Return what keeps channels that are each right in themselves from being open together."""
    problems = _shared_paths(loaded.channels)
    for kind in loaded.kinds.values():
        problems += kind.clashes({name: table for name, table in loaded.channels.items() if table.kind == kind.name})
    for name, table in loaded.channels.items():
        if table.has_credentials:
            continue
        if loaded.kinds[table.kind].stand_in is None:
            problems.append(placed(f"[channels.{name}]", Sentence("setting.no_credentials", keys=_listed(table))))
        elif not loaded.settings.simulator.enabled:
            problems.append(placed(f"[channels.{name}]", Sentence("setting.no_simulator", keys=_listed(table))))
    return problems


def _listed(table: ChannelSettings) -> str:
    *most, last = table.missing_credentials
    return Sentence("setting.and_last", most=", ".join(most), last=last) if most else last


def _shared_paths(tables: Mapping[str, ChannelSettings]) -> list[str]:
    taken: dict[str, str] = {}
    problems = []
    for name, table in tables.items():
        path = table.callback_path
        if not path:
            continue
        if any(path == own or path.startswith(f"{own}/") for own in RESERVED) or path == "/":
            problems.append(placed(f"[channels.{name}] path", Sentence("setting.path_ours", path=repr(path))))
        elif path in taken:
            other = Sentence("setting.path_taken", path=repr(path), other=f"[channels.{taken[path]}]")
            problems.append(placed(f"[channels.{name}] path", other))
        taken[path] = name
    return problems
