"""The console's routes, behind one guard and with one set of headers; each page is a folder and a line here."""

from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from web.console.assets import asset_routes
from web.console.audit.audit_page import audit_pages
from web.console.chains.chains_page import chains_pages
from web.console.chains.replay_page import replay_pages
from web.console.chat.chat_api import chat_api_routes
from web.console.chat.chat_page import chat_routes
from web.console.chat.faults import fault_routes
from web.console.chat.inspect_page import inspect_routes
from web.console.chat.session import ConsoleSessions
from web.console.chat.simulate_api import drill_routes
from web.console.conversations.cases_page import cases_pages
from web.console.conversations.conversations_page import conversations_pages
from web.console.conversations.exports_page import exports_pages
from web.console.conversations.forgetting_page import forgetting_pages
from web.console.conversations.reading_page import reading_pages
from web.console.conversations.trace_page import trace_pages
from web.console.doctor.doctor_page import doctor_pages
from web.console.menu.menu_page import menu_pages
from web.console.models.model_edit_page import model_edit_pages
from web.console.models.models_page import models_pages
from web.console.pages import broke, refused
from web.console.settings.settings_page import settings_pages
from web.console.sign_in.sign_in_page import sign_in_pages
from web.console.status.status_page import status_routes
from web.console.turns.turns_page import turns_pages
from web.console.usage.usage_page import usage_pages
from web.console.users.users_page import users_pages
from web.security.guard import ConsoleGuard
from web.security.guarded_router import GuardedRouter
from web.security.roles import check_declared
from web.wiring import Service


def console_routes(service: Service, guard: ConsoleGuard) -> list[GuardedRouter]:
    """Make the console's routes."""
    handlers = [*_handlers(service), *sign_in_pages(guard)]
    check_declared(handlers)
    return [
        GuardedRouter("/console", handlers, guard, failures={HTTPException: refused, Exception: broke}),
    ]


def _handlers(service: Service) -> list[HTTPRouteHandler]:
    sessions = ConsoleSessions(service)
    return [
        *chat_routes(service, sessions),
        *fault_routes(sessions),
        *inspect_routes(service, sessions),
        *chat_api_routes(service, sessions),
        *drill_routes(service, sessions),
        *menu_pages(service),
        *models_pages(service),
        *model_edit_pages(service),
        *turns_pages(service),
        *doctor_pages(service),
        *usage_pages(service),
        *settings_pages(service),
        *audit_pages(service),
        *status_routes(service),
        *conversations_pages(service),
        *reading_pages(service),
        *trace_pages(service),
        *forgetting_pages(service),
        *exports_pages(service),
        *cases_pages(service),
        *chains_pages(service),
        *replay_pages(service),
        *users_pages(service),
        *asset_routes(),
    ]
