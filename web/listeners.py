"""The sockets of a service, bound before anything is opened, so that a taken port is refused at once."""

import socket
from dataclasses import dataclass

from pipeline.errors import SettingsInvalid
from pipeline.net import local_url
from pipeline.text.i18n import Sentence, os_reason
from pipeline.text.phrases import placed
from web.settings.addresses import Address, Addresses

_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Listeners:
    """The bound sockets; `own` is the console's, None where it shares the server's."""

    server: socket.socket
    own: socket.socket | None = None

    @property
    def console(self) -> socket.socket:
        """Return the socket at which the console is answered."""
        return self.own or self.server

    @property
    def url(self) -> str:
        """Return the URL at which this machine reaches callbacks and health."""
        return _bound_url(self.server)

    @property
    def console_url(self) -> str:
        """Return the URL at which this machine reaches the console."""
        return _bound_url(self.console)

    def close(self) -> None:
        """Return the addresses back."""
        for each in filter(None, (self.server, self.own)):
            each.close()


def bind(addresses: Addresses) -> Listeners:
    """Take the addresses.

    Raises:
        SettingsInvalid: one cannot be taken; it names the keys that choose it.
    """
    addresses.check()
    server = _bind(addresses.server)
    if not addresses.are_apart:
        return Listeners(server)
    try:
        return Listeners(server, _bind(addresses.console))
    except SettingsInvalid:
        server.close()
        raise


def _bind(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # The protocol is named because asyncio only then turns Nagle's delay off.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address.host, address.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        where = f"{address.host}:{address.port}"
        wrong = Sentence("setting.not_bound", address=where, reason=os_reason(error), table=address.table)
        raise SettingsInvalid([placed(f"[{address.table}] host, port", wrong)]) from None
    return listener


def _bound_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return local_url(host, port)
