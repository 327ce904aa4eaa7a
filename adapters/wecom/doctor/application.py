"""One WeCom application as WeCom sees it: reached, its credentials good, itself enabled, its menu set."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from adapters.network_errors import fix_for, is_local, open_probe_client
from adapters.wecom.client.errors import ADDRESS_NOT_ALLOWED, NO_MENU, without_secrets
from adapters.wecom.client.http import ApiResponse, QyapiHttp
from adapters.wecom.client.menu import menu_body
from adapters.wecom.settings import WeComAppSettings
from pipeline.errors import SettingsInvalid, TryAgain
from pipeline.findings import Finding, FindingFactory
from pipeline.net import cause_sentence
from pipeline.settings import MenuButton

_CALLING_IP = re.compile(r"\bfrom ip:? *([0-9A-Fa-f.:]{3,45})")
_FIXES = {
    -1: "code_busy_fix",
    40001: "code_40001_fix",
    40013: "code_40013_fix",
    40056: "code_40056_fix",
    45009: "code_45009_fix",
    45033: "code_busy_fix",
    48002: "code_48002_fix",
    48006: "code_48006_fix",
    50003: "code_50003_fix",
    ADDRESS_NOT_ALLOWED: "code_60020_fix",
    301002: "code_301002_fix",
}
_CLOCK_SECONDS = 60
_OK = 200


@dataclass(frozen=True, slots=True)
class AppCheckContext:
    """What the checks of an app need beside its table; `simulated` when WeCom is the doctor's own."""

    proxy: str
    seconds: float
    buttons: Sequence[MenuButton]
    simulated: bool = False


async def examine_app(
    table: WeComAppSettings, context: AppCheckContext, finding_factory: FindingFactory
) -> AsyncIterator[Finding]:
    """Check from the network to the menu; what depends on a failed step is not tried."""
    reached = True
    async for finding in _reach(table.api_base, context, finding_factory):
        reached = reached and finding.state != "ill"
        yield finding
    wire = await asyncio.to_thread(QyapiHttp, table.api_base, proxy=context.proxy, patience=context.seconds)
    try:
        token, finding = (
            await _token(wire, table, finding_factory) if reached else ("", _later(finding_factory, "token"))
        )
        yield finding
        finding = await _app(wire, token, table.agent_id, finding_factory) if token else _later(finding_factory, "app")
        yield finding
        known = bool(token) and finding.state != "ill"
        yield (
            await _menu(wire, token, table.agent_id, context, finding_factory)
            if known
            else _later(finding_factory, "menu")
        )
    finally:
        await wire.aclose()


async def _reach(base: str, context: AppCheckContext, finding_factory: FindingFactory) -> AsyncIterator[Finding]:
    """Check that WeCom answers, and what time it is there."""
    proxied = bool(context.proxy) and not is_local(base)
    started = time.monotonic()
    try:
        async with await open_probe_client(proxy=context.proxy if proxied else "", seconds=context.seconds) as client:
            # Without parameters it is refused with 41002: enough to know who answers.
            answer = await client.get(f"{base}/cgi-bin/gettoken")
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        fix = fix_for(error, proxied=proxied)
        yield finding_factory.failed("network", "network_bad", fix, base=base, error=cause_sentence(error))
        yield _later(finding_factory, "clock")
        return
    took = round((time.monotonic() - started) * 1000)
    if answer.status_code != _OK or "errcode" not in answer.text:
        yield finding_factory.failed("network", "network_odd", "network_odd_fix", base=base, status=answer.status_code)
    else:
        yield finding_factory.ok("network", "network_ok", base=base, ms=took)
    yield _clock(answer, finding_factory)


def _clock(answer: httpx2.Response, finding_factory: FindingFactory) -> Finding:
    try:
        theirs = parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError):
        return finding_factory.skipped("clock", "clock_none")
    differing = round(abs(time.time() - theirs))
    if differing > _CLOCK_SECONDS:
        return finding_factory.failed("clock", "clock_off", "clock_off_fix", seconds=differing)
    return finding_factory.ok("clock", "clock_ok", seconds=differing)


async def _token(http: QyapiHttp, table: WeComAppSettings, finding_factory: FindingFactory) -> tuple[str, Finding]:
    query = {"corpid": table.corp_id, "corpsecret": table.secret.get_secret_value()}
    answer = await _ask(http, "gettoken", query)
    token = answer.fields.get("access_token") if isinstance(answer, ApiResponse) else None
    if not isinstance(answer, ApiResponse) or not isinstance(token, str) or answer.errcode:
        return "", _refused("token", answer, finding_factory)
    return token, finding_factory.ok("token", "token_ok", seconds=answer.fields.get("expires_in", "?"))


async def _app(http: QyapiHttp, token: str, agent_id: int, finding_factory: FindingFactory) -> Finding:
    answer = await _ask(http, "agent/get", {"access_token": token, "agentid": str(agent_id)})
    if not isinstance(answer, ApiResponse) or answer.errcode:
        return _refused("app", answer, finding_factory)
    name = str(answer.fields.get("name", ""))
    if answer.fields.get("close"):
        return finding_factory.failed("app", "app_closed", "code_50003_fix", name=name)
    if not _seen_by_somebody(answer.fields):
        return finding_factory.warning("app", "app_nobody", "app_nobody_fix", name=name)
    return finding_factory.ok("app", "app_ok", name=name, agent_id=agent_id)


async def _menu(
    http: QyapiHttp, token: str, agent_id: int, context: AppCheckContext, finding_factory: FindingFactory
) -> Finding:
    try:
        wanted = menu_body(context.buttons)
    except SettingsInvalid as error:
        return finding_factory.failed("menu", "menu_bad", "menu_bad_fix", problems="; ".join(error.problems))
    if context.simulated:
        return finding_factory.ok("menu", "menu_fits")
    answer = await _ask(http, "menu/get", {"access_token": token, "agentid": str(agent_id)})
    if isinstance(answer, ApiResponse) and answer.errcode == NO_MENU:
        return finding_factory.warning("menu", "menu_none", "menu_none_fix")
    if not isinstance(answer, ApiResponse) or answer.errcode:
        return _refused("menu", answer, finding_factory)
    if _essence(answer.fields.get("button")) != _essence(wanted["button"]):
        return finding_factory.warning("menu", "menu_other", "menu_other_fix")
    return finding_factory.ok("menu", "menu_ok")


async def _ask(http: QyapiHttp, path: str, query: Mapping[str, str]) -> ApiResponse | TryAgain:
    try:
        return await http.call(path, query)
    except TryAgain as error:
        return error


def _refused(check: str, answer: ApiResponse | TryAgain, finding_factory: FindingFactory) -> Finding:
    if isinstance(answer, TryAgain):
        fix = "trouble_timeout_fix" if isinstance(answer.__cause__, TimeoutError) else "network_odd_fix"
        return finding_factory.failed(check, "network_late", fix, error=answer)
    address = _CALLING_IP.search(answer.errmsg)
    return finding_factory.failed(
        check,
        "refused",
        _FIXES.get(answer.errcode, "code_other_fix"),
        code=answer.errcode,
        words=without_secrets(answer.errmsg.partition(", hint")[0]),
        address=address[1] if address else "?",
    )


def _later(finding_factory: FindingFactory, check: str) -> Finding:
    return finding_factory.skipped(check, "not_reached")


def _seen_by_somebody(fields: Mapping[str, Any]) -> bool:
    lists = (("allow_userinfos", "user"), ("allow_partys", "partyid"), ("allow_tags", "tagid"))
    # Where WeCom says nothing of it, nothing is concluded.
    listed = [fields[name].get(inner) for name, inner in lists if isinstance(fields.get(name), dict)]
    return not listed or any(listed)


def _essence(buttons: object) -> object:
    """Return of a menu what the settings can say; WeCom adds empty keys of its own."""
    if not isinstance(buttons, list):
        return ()
    return [
        (
            button.get("name"),
            button.get("key") or "",
            button.get("url") or "",
            _essence(button.get("sub_button") or []),
        )
        for button in buttons
        if isinstance(button, dict)
    ]
