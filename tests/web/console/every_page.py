"""Every page of the console, from its routes: what is held to all pages is held to the ones that come later, too."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus

from litestar.routes import HTTPRoute

from pipeline.text.i18n import Language
from storage.accounts.tokens import create_token
from tests.fakes.openai_server import Fails, OpenAIServer, Says
from tests.service import RunningService
from web.api.routes import api_routes
from web.console.routes import console_routes
from web.security.guard import ConsoleGuard
from web.security.role_names import Role

GIVEN: Mapping[str, str] = {
    "/console/chains/{name:str}": "/console/chains/default",
    "/console/chains/{name:str}/history": "/console/chains/default/history?old=shipped",
    "/console/chains/{name:str}/replay": "/console/chains/default/replay",
    "/console/chains/{name:str}/replay/{id_:str}": "/console/chains/default/replay/{replay}",
    "/console/conversations/{id_:str}": "/console/conversations/1",
    "/console/conversations/{id_:str}/case/{turn:str}": "/console/conversations/1/case/1",
    "/console/conversations/{id_:str}/trace/{turn:str}": "/console/conversations/1/trace/1",
    "/console/models/{name:str}/edit": "/console/models/default/edit",
    "/console/people/{channel:str}/{user:str}/forget": "/console/people/wecom/zhangsan/forget",
    "/console/turns/{turn_id:str}": "/console/turns/2",
}
"""The addresses of pages about something: `tests.web.console` fills a service with what they are about."""

_PARTS = {"/console/faults", "/console/inspect", "/console/turns/list"}
"""Pieces that scripts put into a page."""
LANGUAGES: tuple[Language, Language] = ("zh", "en")
"""Pages are opened in turn in one and the other; of two walks through all pages, the second begins with the other."""
_FILES = re.compile(r"/console/(api/.*|stream|static/.*|(.*/)?media/.*|.*/csv|usage/quality)")


ANSWER = f"""# Leave

> On [page 12](https://a.invalid) of `rules`.

| {"| ".join(["a long heading"] * 9)} |
|{"---|" * 9}
| {"| ".join(["cell"] * 9)} |

```python
print("{"so on, " * 30}")  # and on
```
"""
MAY_BE_REPLAYED: dict[str, str] = {"WEBOT_REPLAY__USERS": '["*"]'}
"""The setting under which people's questions may be asked again."""


async def fill(service: RunningService, model: OpenAIServer) -> None:
    """Leave something to read on the pages: an answer, a turn that failed, a release and a draft, a token, a fault."""
    phone = service.phone()
    model.script(Says(ANSWER))
    await phone.say("where?")
    await phone.texts(count=1)
    model.script(Fails(500))
    await phone.say("and now?")
    await phone.texts(count=2)
    cases = "".join(f'\n[[cases]]\ninput = "holiday?"\ncontains = ["{word}"]\n' for word in ("holiday", "salary"))
    address, new = "/api/v1/chains/default", {"If-None-Match": "*"}
    draft = {"text": f'description = "chat"\nsystem_prompt = "Be brief, {"and kind, " * 30}"\n{cases}'}
    assert (await service.console.put(f"{address}/draft", json=draft, headers=new)).is_success
    assert (await service.console.post(f"{address}/publish", json={})).is_success
    draft = {"text": f"# Better.\n{draft['text']}"}
    assert (await service.console.put(f"{address}/draft", json=draft, headers=new)).is_success
    assert await create_token(service.service.database, "nightly", Role.READER, days=1, by="ann")
    fault = {"fault": "rate_limited", "calls": "3"}
    assert (await service.console.post("/console/faults", data=fault)).is_success


async def replay_once(running: RunningService) -> str:
    """Replay what was asked of the default chain, and return the replay's name once it has ended."""
    api = "/api/v1/chains/default"
    begun = await running.console.post(f"{api}/replay", json={"last": 5}, headers={"Accept": "application/json"})
    assert begun.status_code == HTTPStatus.ACCEPTED, begun.text
    name = str(begun.json()["id"])
    events = await running.console.get(f"{api}/jobs/{name}/events")
    assert '"state":"done"' in events.text, events.text
    return name


def page_addresses(running: RunningService, *, replay: str) -> list[str]:
    """Return an address of every page, in order; `KeyError` for one about something that nothing is given for."""
    service = running.service
    guard = ConsoleGuard(lambda: service.settings, service.access, service.accounts)
    routers = (*api_routes(service, guard), *console_routes(service, guard))
    paths = {
        route.path
        for router in routers
        for route in router.routes
        if isinstance(route, HTTPRoute) and "GET" in {str(each) for each in route.methods}
    }
    return sorted(each.format(replay=replay) for each in _addresses(paths))


def in_language(address: str, language: Language) -> str:
    """Return an address as it is opened in a language."""
    return f"{address}{'&' if '?' in address else '?'}lang={language}"


def _addresses(paths: Iterable[str]) -> Iterable[str]:
    for path in paths:
        if path == "/api/v1/docs" or (
            path.startswith("/console") and path not in _PARTS and not _FILES.fullmatch(path)
        ):
            yield GIVEN[path] if "{" in path else path
