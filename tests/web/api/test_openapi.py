"""The API's document: valid and complete; and whatever it allows to be asked is answered as it says."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import schemathesis.specs.openapi.checks as openapi
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import validate
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation

from pipeline.text.i18n import Catalogue, Language
from tests.service import RunningService, running_service
from web.api.conversations_api import ConversationsQuery
from web.api.routes import api_routes
from web.operator.accounts import make_token
from web.operator.conversations import FILTERS
from web.security.guard import ConsoleGuard
from web.security.role_names import Role

DOCS = Path(__file__).parents[3] / "docs"
EXAMPLES = int(os.environ.get("API_EXAMPLES", "2"))
"""Requests of each operation, with as many that are no good."""
CHECKS = [
    not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_schema_conformance,
]
CHAIN = 'command = "@hr"\nsystem_prompt = "You are HR."\n[[cases]]\ninput = "holiday"\n'
SLOW = {"GET /api/v1/doctor"}
"""Takes half a second each time."""


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[RunningService]:
    async with running_service(tmp_path) as opened:
        yield opened


async def test_the_document_is_valid_and_every_route_is_in_it(running: RunningService) -> None:
    document = (await running.console.get("/api/v1/openapi.json")).json()
    await asyncio.to_thread(validate, document)

    service = running.service
    guard = ConsoleGuard(lambda: service.settings, service.access, service.accounts)
    routes = {
        (method, re.sub(r"\{(\w+?)_?:\w+\}", r"{\1}", route.path))
        for router in api_routes(service, guard)
        for route in router.routes
        for method in route.methods - {"OPTIONS"}
    }
    about = {("GET", "/api/v1/openapi.json"), ("GET", "/api/v1/docs")}
    assert routes - about == {(method.upper(), path) for path, each in document["paths"].items() for method in each}
    assert about < routes
    assert {*ConversationsQuery.model_fields} == {*FILTERS, "cursor", "limit"}


@pytest.mark.parametrize(("language", "page"), [("en", "console.md"), ("zh", "console.zh-CN.md")])
async def test_the_documentation_has_the_same_routes(running: RunningService, language: Language, page: str) -> None:
    document = (await running.console.get("/api/v1/openapi.json")).json()
    words = Catalogue(language)
    rows = re.findall(r"^\| `([A-Z]+ /\S*)` \| (.+) \|$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)
    shown = (await running.console.get("/api/v1/docs", headers={"Accept-Language": language})).text

    described = {
        f"{method.upper()} {path.removeprefix('/api/v1')}": words.text(f"api.{operation['operationId']}")
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert described == dict(rows)
    assert all(sentence.replace("`", "").replace("'", "&#39;") in shown for sentence in described.values())


async def test_whatever_is_asked_is_answered_as_the_document_says(running: RunningService) -> None:
    console = running.console
    put = await console.put("/api/v1/chains/hr/draft", json={"text": CHAIN}, headers={"If-None-Match": "*"})
    export = await console.post("/api/v1/exports", json={"format": "jsonl"})
    await running.phone().say("多少天年假？")
    known = {"name": ["hr", "default"], "id": [export.json()["id"], "1"]}
    token = await make_token(running.service.database, "walk", Role.OPERATOR, days=1, by="t")
    headers = {"Authorization": f"Bearer {token}", "If-Match": put.headers["ETag"]}

    found = await asyncio.to_thread(_walk, str(console.base_url).rstrip("/"), known, headers)

    assert [] == found


def _walk(url: str, known: dict[str, list[str]], headers: dict[str, str]) -> list[str]:
    """Ask what the document allows and what it does not, of things that are there and of others; give what is amiss."""
    schema = schemathesis.openapi.from_url(f"{url}/api/v1/openapi.json", headers=headers)
    wrong: list[str] = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        def ask(case: schemathesis.Case[APIOperation[Any, Any, Any, Any]], names: st.DataObject) -> None:
            for name, values in known.items():
                if name in (case.path_parameters or {}) and names.draw(st.booleans()):
                    case.path_parameters[name] = names.draw(st.sampled_from(values))
            answer = case.call(base_url=url, headers=headers, timeout=60)
            try:
                case.validate_response(answer, checks=CHECKS)
            except BaseExceptionGroup as failures:
                wrong.extend(f"{case.method} {case.formatted_path}: {each}" for each in failures.exceptions)

        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            settings(
                max_examples=1 if operation.label in SLOW else EXAMPLES,
                database=None,
                deadline=None,
                derandomize=True,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate],
            )(given(operation.as_strategy(generation_mode=mode), st.data())(ask))()
    return wrong
