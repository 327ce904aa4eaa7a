"""The console's pages, as the navigation lists them: the ones whoever signed in may open."""

from dataclasses import dataclass
from typing import Any

from litestar import Request

from web.security.roles import Permission, signed_in

_Request = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class NavigationEntry:
    """A page: `key` is its icon and, in the catalogue's table `console`, its name; `path` begins below /console."""

    key: str
    path: str
    permission: Permission


NAVIGATION = (
    NavigationEntry("chat", "", Permission.CHAT),
    NavigationEntry("chains", "/chains", Permission.READ_CHAINS),
    NavigationEntry("conversations", "/conversations", Permission.READ_CONVERSATIONS),
    NavigationEntry("models", "/models", Permission.READ_MODELS),
    NavigationEntry("turns", "/turns", Permission.READ_TURNS),
    NavigationEntry("menu", "/menu", Permission.EDIT_MENU),
    NavigationEntry("usage", "/usage", Permission.READ_USAGE),
    NavigationEntry("settings", "/settings", Permission.READ_SETTINGS),
    NavigationEntry("users", "/users", Permission.MANAGE_USERS),
    NavigationEntry("audit", "/audit", Permission.READ_AUDIT),
    NavigationEntry("doctor", "/doctor", Permission.RUN_DOCTOR),
    NavigationEntry("status", "/status", Permission.READ_TURNS),
)


def entries_for(request: _Request) -> tuple[NavigationEntry, ...]:
    """Return the pages that the user of a request may open; the chat only while there is a simulator."""
    user = signed_in(request)
    if user is None:
        return ()
    simulated = request.app.state.get("simulated", False)
    return tuple(each for each in NAVIGATION if user.may(each.permission) and (simulated or each.key != "chat"))
