"""Where a service of some settings listens: callbacks on one address, the console on the same one or on its own."""

from dataclasses import dataclass

from pipeline.errors import SettingsInvalid
from pipeline.net import WILDCARDS, is_loopback_host, local_url
from pipeline.settings import Console
from pipeline.text.i18n import Sentence
from pipeline.text.phrases import placed
from web.settings.loading import Loaded

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port, and the table of the settings that names them."""

    table: str
    host: str
    port: int

    @property
    def url(self) -> str:
        """Return the URL at which this machine reaches it; empty for port 0, which the system chooses at the start."""
        return local_url(self.host, self.port) if self.port else ""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where callbacks and health are answered, and where the console, `/operations` and `/metrics` are."""

    server: Address
    console: Address
    """The same value as `server` where one socket serves both."""

    @property
    def are_apart(self) -> bool:
        """Whether the console has a socket of its own."""
        return self.console is not self.server

    def check(self) -> None:
        """Raise `SettingsInvalid` where two sockets of one service would take the same port from one another."""
        server, console = self.server, self.console
        if not self.are_apart or not server.port or server.port != console.port:
            return
        wide = "::" in {server.host, console.host} or (server.host in WILDCARDS and ":" not in console.host)
        if wide or (console.host in WILDCARDS and ":" not in server.host) or _same_host(server.host, console.host):
            wrong = Sentence("setting.console_port", address=f"{console.host}:{console.port}")
            raise SettingsInvalid([placed("[console] port", wrong)])


def addresses_of(loaded: Loaded) -> Addresses:
    """Return where a service of these settings listens.

    A proxy for WeCom may pass on all of `[server]`'s port, so the console shares it only until there is something to
    protect: a port that other machines reach, or a channel with real credentials.
    """
    settings = loaded.settings
    server = Address("server", settings.server.host, settings.server.port)
    console = settings.console
    if console.host:
        return Addresses(server, Address("console", console.host, console.port))
    if is_loopback_host(server.host) and not has_real_channel(loaded):
        return Addresses(server, server)
    # Where the system chooses the one, it is asked for the other as well: several services run then side by side.
    port = console.port if server.port or console.port != Console().port else 0
    return Addresses(server, Address("console", _LOOPBACK, port))


def _same_host(one: str, other: str) -> bool:
    return one.lower() == other.lower() or ("localhost" in {one.lower(), other.lower()} and _LOOPBACK in {one, other})


def has_real_channel(loaded: Loaded) -> bool:
    """Whether a channel has credentials of its own, so that people and not only the simulator are behind it."""
    return any(table.has_credentials for table in loaded.channels.values())


def described(loaded: Loaded) -> list[Sentence]:
    """Return where a service of these settings listens, a line each."""
    found, console = addresses_of(loaded), loaded.settings.console
    if console.password_hash.get_secret_value():
        asks = "shell.console_password"
    elif console.generate_password:
        asks = "shell.console_made_password"
    elif has_real_channel(loaded):
        asks = "shell.console_sign_in"
    else:
        asks = "shell.console_open"
    by_chance = Sentence("shell.any_port")
    return [
        Sentence("shell.server_at", url=found.server.url or by_chance),
        Sentence("shell.console_at", url=found.console.url or by_chance, asks=Sentence(asks)),
    ]
