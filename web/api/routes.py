"""The API's routes, /api/v1, behind the console's guard; each resource is a file and a line here."""

from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from web.api.accounts_api import accounts_api
from web.api.audit_api import audit_api
from web.api.chain_jobs_api import chain_jobs_api
from web.api.chain_releases_api import chain_releases_api
from web.api.chain_trials_api import chain_trials_api
from web.api.chains_api import chains_api
from web.api.conversations_api import conversations_api
from web.api.doctor_api import doctor_api
from web.api.exports_api import exports_api
from web.api.models_api import models_api
from web.api.openapi.described import check_described
from web.api.openapi.docs_api import LazyDocument, docs_pages, document_api
from web.api.openapi.document import PREFIX
from web.api.problems import internal_problem, problem
from web.api.status_api import status_api
from web.api.turns_api import turns_api
from web.api.usage_api import usage_api
from web.console.pages import FRESH, broke, refused
from web.security.guard import ConsoleGuard
from web.security.guarded_router import GuardedRouter
from web.security.roles import check_declared
from web.wiring import Service


def api_routes(service: Service, guard: ConsoleGuard) -> list[GuardedRouter]:
    """Make the API's routes."""
    handlers = _handlers(service)
    check_described(handlers)
    document = LazyDocument(handlers)
    about, pages = document_api(document), docs_pages(document)
    check_declared([*handlers, *about, *pages])
    return [
        GuardedRouter(
            PREFIX,
            [*handlers, *about],
            guard,
            failures={HTTPException: problem, Exception: internal_problem},
            headers=FRESH,
        ),
        GuardedRouter(
            f"{PREFIX}/docs",
            pages,
            guard,
            failures={HTTPException: refused, Exception: broke},
            headers=FRESH,
        ),
    ]


def _handlers(service: Service) -> list[HTTPRouteHandler]:
    return [
        *accounts_api(service),
        *audit_api(service),
        *chain_jobs_api(service),
        *chain_releases_api(service),
        *chain_trials_api(service),
        *chains_api(service),
        *conversations_api(service),
        *doctor_api(service),
        *exports_api(service),
        *models_api(service),
        *status_api(service),
        *turns_api(service),
        *usage_api(service),
    ]
