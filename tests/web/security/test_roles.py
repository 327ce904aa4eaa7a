"""Which role may do what, and that no route is open because its permission was forgotten."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from litestar import get
from litestar.exceptions import PermissionDeniedException

from tests.service import RunningService, running_service
from web.security.role_names import Role
from web.security.roles import ROLES, Permission, SignedIn, check_declared, check_permission

OPERATORS_ALONE = {
    Permission.READ_CONVERSATIONS,
    Permission.EXPORT,
    Permission.FORGET,
    Permission.EDIT_MODELS,
    Permission.RETRY_TURNS,
    Permission.READ_SETTINGS,
    Permission.EDIT_MENU,
    Permission.RUN_DOCTOR,
    Permission.READ_AUDIT,
    Permission.MANAGE_USERS,
}


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    async with running_service(tmp_path) as opened:
        yield opened


@get("/forgotten", sync_to_thread=False)
def _forgotten() -> None: ...


@get("/chains", permission=Permission.READ_CHAINS, sync_to_thread=False)
def _chains() -> None: ...


def test_a_route_without_a_permission_keeps_the_service_from_starting() -> None:
    with pytest.raises(LookupError, match=r"/forgotten declares no permission"):
        check_declared([_chains, _forgotten])


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("permission", Permission)
def test_operators_may_do_all_and_others_what_their_work_needs(role: Role, permission: Permission) -> None:
    allowed = role is Role.OPERATOR or permission not in OPERATORS_ALONE
    if role is Role.READER:
        allowed = permission in {Permission.OPEN, Permission.READ_USAGE, Permission.READ_TURNS}

    assert allowed == (permission in ROLES[role])


def test_a_role_without_the_permission_is_refused() -> None:
    check_permission(SignedIn("li", Role.PROMPT_ENGINEER), _chains)
    with pytest.raises(PermissionDeniedException, match=r"console\.refused_role"):
        check_permission(SignedIn("wang", Role.READER), _chains)


async def test_the_api_tells_what_is_wrong_as_a_problem_with_a_sentence(service: RunningService) -> None:
    ready = await service.http.get("/api/v1/status")
    refused = await service.http.get("/api/v1/status", headers={"Host": "rebind.example", "Accept-Language": "en"})

    assert ready.json()["database"] == ""
    assert "application/problem+json" == refused.headers["content-type"].partition(";")[0]
    assert 403 == refused.json()["status"] == refused.status_code
    assert refused.json()["detail"].endswith(".")
