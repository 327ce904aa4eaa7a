"""A self-built WeCom application (自建应用) as a kind of channel."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from adapters.channel_kind import (
    ChannelContext,
    ChannelKind,
    ChannelMenu,
    ExaminationContext,
    OpenedChannel,
    StandInContext,
)
from adapters.simulator.platform.apps import App, invent_app
from adapters.wecom.client.menu import menu_body
from adapters.wecom.settings import WeComAppSettings
from pipeline.findings import Finding
from pipeline.settings import MenuButton


def _open(table: WeComAppSettings, context: ChannelContext) -> OpenedChannel:
    # The HTTP client is not for every shell verb that reads the settings; so below.
    from adapters.wecom.channel import open_wecom_app  # noqa: PLC0415
    from adapters.wecom.client.send_limiter import MemberSendLimiter  # noqa: PLC0415

    channel = open_wecom_app(
        context.name,
        table,
        media=context.media,
        send_limiter=MemberSendLimiter(context.send_log, shared=context.shared_database),
        cache_folder=context.cache_folder,
        proxy=context.proxy,
        language=context.language,
    )
    return OpenedChannel(channel, table.path, channel.forget)


def _stand_in(table: WeComAppSettings, context: StandInContext) -> tuple[WeComAppSettings, App]:
    app = context.simulator.register(
        invent_app(
            agent_id=context.agent_id,
            callback_url=context.own_url + table.path,
            name=context.name,
        )
    )
    credentials = {
        "corp_id": app.corp_id,
        "secret": SecretStr(app.secret),
        "agent_id": app.agent_id,
        "token": SecretStr(app.token),
        "encoding_aes_key": SecretStr(app.encoding_aes_key),
        "api_base": context.simulator.url,
    }
    return WeComAppSettings.model_validate(table.model_dump() | credentials), app


def _clashes(tables: Mapping[str, WeComAppSettings]) -> list[str]:
    taken: dict[tuple[str, int], str] = {}
    problems = []
    for name, table in tables.items():
        app = (table.corp_id, table.agent_id)
        if table.has_credentials and app in taken:
            problems.append(
                f"[channels.{name}]: app {table.agent_id} of {table.corp_id} is also [channels.{taken[app]}]'s"
            )
        taken[app] = name
    return problems


@asynccontextmanager
async def _menu(table: WeComAppSettings, cache_folder: Path, proxy: str) -> AsyncIterator[ChannelMenu]:
    from adapters.wecom.channel import open_api  # noqa: PLC0415
    from adapters.wecom.client.cache import Cache  # noqa: PLC0415

    # The service's own cache: no token is asked for that it has already.
    cache = Cache(cache_folder)
    api = open_api(table, cache, proxy=proxy)
    try:
        yield api
    finally:
        await api.aclose()
        await cache.aclose()


async def _examine(table: WeComAppSettings, context: ExaminationContext) -> AsyncIterator[Finding]:
    from adapters.wecom.doctor.application import AppCheckContext, examine_app  # noqa: PLC0415
    from adapters.wecom.doctor.callback_ways import examine_keys, examine_ways  # noqa: PLC0415

    findings = context.findings
    if not table.has_credentials:
        async for finding in _examine_stand_in(table, context):
            yield finding
        return
    yield examine_keys(table, findings)
    async for finding in examine_app(table, AppCheckContext(context.proxy, context.seconds, context.buttons), findings):
        yield finding
    ways = examine_ways(
        context.name,
        table,
        findings,
        local_url=context.local_url,
        public_url=context.public_url,
        proxy=context.proxy,
        seconds=context.seconds,
    )
    async for finding in ways:
        yield finding
    yield await context.examine_arrivals("arrived_none", url=f"{context.public_url or 'https://…'}{table.path}")


async def _examine_stand_in(table: WeComAppSettings, context: ExaminationContext) -> AsyncIterator[Finding]:
    """Try a channel without credentials on a simulator of our own: the running service keeps its to itself."""
    from adapters.simulator.simulator import WeComSimulator  # noqa: PLC0415
    from adapters.wecom.doctor.application import AppCheckContext, examine_app  # noqa: PLC0415
    from adapters.wecom.doctor.callback_ways import examine_keys  # noqa: PLC0415

    findings = context.findings
    if not context.simulator_enabled:
        yield findings.failed("stand_in", "stand_in_off", "stand_in_off_fix")
        return
    yield findings.ok("stand_in", "stand_in_ok")
    async with WeComSimulator() as simulator:
        simulated, _ = _stand_in(table, StandInContext(context.name, 0, "", simulator))
        yield examine_keys(simulated, findings)
        checked = AppCheckContext("", context.seconds, context.buttons, simulated=True)
        async for finding in examine_app(simulated, checked, findings):
            yield finding
    yield findings.skipped("callback", "callback_simulated")


def _check_menu(buttons: Sequence[MenuButton]) -> None:
    menu_body(buttons)


KIND = ChannelKind(
    name="wecom_app",
    settings=WeComAppSettings,
    open=_open,
    stand_in=_stand_in,
    examine=_examine,
    clashes=_clashes,
    menu=_menu,
    check_menu=_check_menu,
)
