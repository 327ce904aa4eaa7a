"""Who may do what in the console and its API: roles, permissions, and the one table that joins them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from web.security.role_names import Role

__all__ = [
    "ROLES",
    "Permission",
    "Role",
    "SignedIn",
    "check_declared",
    "check_permission",
    "permission_of",
    "signed_in",
]

_Connection = ASGIConnection[Any, Any, Any, Any]


class Permission(StrEnum):
    """What a route needs; every route of the console and the API declares one."""

    OPEN = "open"
    """Without signing in: the sign-in page and the files that pages load."""
    CHAT = "chat"
    READ_CONVERSATIONS = "read_conversations"
    EXPORT = "export"
    FORGET = "forget"
    READ_CHAINS = "read_chains"
    EDIT_CHAINS = "edit_chains"
    RELEASE_CHAINS = "release_chains"
    READ_MODELS = "read_models"
    EDIT_MODELS = "edit_models"
    READ_TURNS = "read_turns"
    RETRY_TURNS = "retry_turns"
    READ_USAGE = "read_usage"
    READ_SETTINGS = "read_settings"
    EDIT_MENU = "edit_menu"
    RUN_DOCTOR = "run_doctor"
    READ_AUDIT = "read_audit"
    MANAGE_USERS = "manage_users"


_READER = frozenset({Permission.OPEN, Permission.READ_USAGE, Permission.READ_TURNS})
_PROMPT_ENGINEER = _READER | {
    Permission.CHAT,
    Permission.READ_CHAINS,
    Permission.EDIT_CHAINS,
    Permission.RELEASE_CHAINS,
    Permission.READ_MODELS,
}
ROLES: Mapping[Role, frozenset[Permission]] = {
    Role.OPERATOR: frozenset(Permission),
    Role.PROMPT_ENGINEER: _PROMPT_ENGINEER,
    Role.READER: _READER,
}


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The user a request comes from; `also` are permissions that settings give beyond the role."""

    name: str
    role: Role
    also: frozenset[Permission] = frozenset()

    def may(self, permission: Permission) -> bool:
        """Whether the user may do what needs the permission."""
        return permission in ROLES[self.role] or permission in self.also


def signed_in(connection: _Connection) -> SignedIn | None:
    """Return the user a request comes from, None before the guard has admitted it."""
    found = connection.scope.get("user")
    return found if isinstance(found, SignedIn) else None


def permission_of(handler: BaseRouteHandler) -> Permission:
    """Return the permission a route declares.

    Raises:
        LookupError: it declares none.
    """
    if isinstance(handler, HTTPRouteHandler) and handler.http_methods == {"OPTIONS"}:
        # The framework's own, which says what methods an address has.
        return Permission.OPEN
    if "permission" not in handler.opt:
        raise LookupError(f"the route {', '.join(sorted(handler.paths))} declares no permission")
    return Permission(handler.opt["permission"])


def check_permission(user: SignedIn, handler: BaseRouteHandler) -> None:
    """Refuse a route that the user's role does not include."""
    if not user.may(permission_of(handler)):
        raise PermissionDeniedException(detail="console.refused_role")


def check_declared(handlers: Iterable[BaseRouteHandler]) -> None:
    """Refuse to start with a route that declares no permission.

    Raises:
        LookupError: a route declares none.
    """
    for handler in handlers:
        permission_of(handler)
