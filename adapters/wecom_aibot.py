"""WeCom's AI bot (智能机器人) as a kind of channel."""

from collections.abc import AsyncIterator, Mapping

from pydantic import SecretStr

from adapters.aibot.bot_settings import WeComAibotSettings
from adapters.channel_kind import ChannelContext, ChannelKind, ExaminationContext, OpenedChannel, StandInContext
from adapters.simulator.platform.apps import App, invent_bot
from pipeline.findings import Finding


def _open(table: WeComAibotSettings, context: ChannelContext) -> OpenedChannel:
    # The WebSocket client is not for every shell verb that reads the settings.
    from adapters.wecom.client.send_limiter import MemberSendLimiter  # noqa: PLC0415

    limiter = MemberSendLimiter(context.send_log, shared=context.shared_database)
    if table.mode == "callback":
        from adapters.aibot.callback.callback_channel import CallbackBotChannel  # noqa: PLC0415

        called = CallbackBotChannel(
            context.name,
            table,
            streams=context.streams,
            media=context.media,
            send_limiter=limiter,
            proxy=context.proxy,
            language=context.language,
        )
        return OpenedChannel(called, table.path, respond=called.respond)
    from adapters.aibot.bot_channel import AibotChannel  # noqa: PLC0415

    channel = AibotChannel(
        context.name,
        table,
        media=context.media,
        lease=context.lease,
        send_limiter=limiter,
        proxy=context.proxy,
        language=context.language,
    )
    return OpenedChannel(
        channel, start=channel.start, trouble=channel.trouble, bot_id=table.bot_id, delivers=channel.delivers
    )


def _stand_in(table: WeComAibotSettings, context: StandInContext) -> tuple[WeComAibotSettings, App]:
    address = context.own_url + table.path if table.mode == "callback" else ""
    bot = context.simulator.register(
        invent_bot(agent_id=context.agent_id, callback_url=address, name=(*table.names, context.name)[0])
    )
    credentials = {
        "bot_id": bot.bot_id,
        "secret": SecretStr(bot.secret),
        "token": SecretStr(bot.token),
        "encoding_aes_key": SecretStr(bot.encoding_aes_key),
        "connection_url": context.simulator.bot_url,
        # Who tries a group out mentions the bot by the name that the pretend chat shows.
        "name": ", ".join(dict.fromkeys((*table.names, context.name))),
    }
    return WeComAibotSettings.model_validate(table.model_dump() | credentials), bot


def _clashes(tables: Mapping[str, WeComAibotSettings]) -> list[str]:
    taken: dict[str, str] = {}
    problems = []
    for name, table in tables.items():
        if table.bot_id and table.bot_id in taken:
            problems.append(f"[channels.{name}] bot_id: is also [channels.{taken[table.bot_id]}]'s")
        taken[table.bot_id] = name
    return problems


async def _examine(table: WeComAibotSettings, context: ExaminationContext) -> AsyncIterator[Finding]:
    findings = context.findings
    if not table.has_credentials:
        if context.simulator_enabled:
            yield findings.ok("stand_in", "stand_in_ok")
        else:
            yield findings.failed("stand_in", "stand_in_off", "stand_in_off_fix")
        return
    if table.mode == "callback":
        from adapters.wecom.doctor.callback_ways import examine_keys, examine_ways  # noqa: PLC0415

        yield examine_keys(table, findings)
        ways = examine_ways(
            context.name,
            table,
            findings,
            local_url=context.local_url,
            public_url=context.public_url,
            proxy=context.proxy,
            seconds=context.seconds,
        )
    else:
        ways = _examine_connection(table, context)
    async for finding in ways:
        yield finding
    yield await context.examine_arrivals("arrived_none_bot")


def _examine_connection(table: WeComAibotSettings, context: ExaminationContext) -> AsyncIterator[Finding]:
    from adapters.aibot.bot_doctor import examine_bot  # noqa: PLC0415 (as above)

    return examine_bot(
        table,
        context.findings,
        local_url=context.local_url,
        proxy=context.proxy,
        seconds=context.seconds,
    )


def _connect(table: WeComAibotSettings, context: ExaminationContext) -> AsyncIterator[Finding]:
    from adapters.aibot.bot_doctor import connect_once  # noqa: PLC0415 (as above)

    return connect_once(context.name, table, context.findings, proxy=context.proxy, seconds=context.seconds)


KIND = ChannelKind(
    name="wecom_aibot",
    settings=WeComAibotSettings,
    open=_open,
    examine=_examine,
    connect=_connect,
    stand_in=_stand_in,
    clashes=_clashes,
)
