"""The way through `webot init`: ask, try, ask again, agree, write, say what comes next."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

import click
from pydantic import BaseModel

from pipeline.errors import SettingsInvalid
from pipeline.findings import Finding, finding_line
from pipeline.settings import ChannelSettings, ModelTable
from pipeline.text.i18n import Catalogue
from web.operator.shell import Shell
from web.settings.loading import Loaded
from web.settings.settings_edit import NewValue, SettingsEdit, Value
from web.settings.validation import validate_table
from web.terminal.setup.first_message import wait_for_message
from web.terminal.setup.questions import Prompter, Questions
from web.terminal.setup.trying_out import try_channel, try_model

_SECRETS = frozenset({"secret", "token", "encoding_aes_key", "api_key"})
_KEYS = {
    "connection": ("bot_id", "secret"),
    "callback": ("token", "encoding_aes_key"),
    "application": ("corp_id", "agent_id", "secret", "token", "encoding_aes_key"),
}


@dataclass(frozen=True, slots=True)
class InitFlags:
    """What is agreed beforehand: to replace values, to take the bot's connection; what is left out, and the wait."""

    replace: bool = False
    connect: bool = False
    untried: bool = False
    no_model: bool = False
    wait: float | None = 0.0
    """Seconds to wait for the first message; None for until it comes."""


class Leading:
    """One run of `webot init`."""

    def __init__(self, shell: Shell, given: Mapping[str, str], terminal: Prompter, flags: InitFlags) -> None:
        self._shell = shell
        self._given = given
        self._terminal = terminal
        self._flags = flags
        self._words = Catalogue(shell.language)
        self._questions = Questions(given, terminal, self._words)

    def run(self, loaded: Loaded) -> int:
        """Lead through it; return the exit code."""
        edit = SettingsEdit(self._shell.folder)
        channel = self._until_it_works(lambda: self._channel(loaded))
        model = [] if self._flags.no_model else self._until_it_works(lambda: self._model(loaded))
        if self._questions.missing:
            raise click.UsageError(self._words.text("init.missing", options=", ".join(self._questions.missing)))
        if channel is None or model is None:
            click.echo(self._words.text("init.nothing_written"), err=True)
            return 1
        values = [*channel, *model]
        replaced = edit.replaced(values)
        if replaced and not self._flags.replace and not self._agreed(replaced):
            return 1
        edit.put(values)
        for name in edit.write():
            click.echo(self._words.text("init.written", file=name))
        after = self._shell.load()
        self._name_variables(after, values)
        self._say_next(after, channel)
        return self._wait(after, channel)

    def _name_variables(self, loaded: Loaded, values: Sequence[NewValue]) -> None:
        """Name the variables of the environment that hold in spite of what was written."""
        for each in values:
            origin = loaded.layers.origin((*each.table, each.key))
            held = loaded.layers.values.get(each.table[0], {}).get(each.table[1], {}).get(each.key)
            if origin in self._shell.environ and held != each.value:
                click.echo(f"! {self._words.text('init.overridden', variable=origin, key=each.where)}")

    def _wait(self, loaded: Loaded, channel: Sequence[NewValue]) -> int:
        within = self._flags.wait
        if within == 0 or not channel:
            return 0
        click.echo(self._words.text("init.waiting" if within is None else "init.waiting_for", seconds=within))
        try:
            came = asyncio.run(wait_for_message(loaded, channel[0].table[1], within=within))
        except KeyboardInterrupt:
            click.echo(self._words.text("init.waited_enough"))
            return 0
        click.echo(self._words.text("init.came" if came else "init.came_not", seconds=within))
        return 0 if came else 1

    def _agreed(self, replaced: Sequence[str]) -> bool:
        said = self._words.text("init.replaces", keys="; ".join(replaced))
        if not self._terminal.is_there:
            raise click.UsageError(f"{said} {self._words.text('init.missing', options='--yes')}")
        click.echo(said)
        if self._terminal.agree(self._words.text("init.replace")):
            return True
        click.echo(self._words.text("init.nothing_written"), err=True)
        return False

    def _until_it_works(self, attempt: Callable[[], tuple[list[NewValue], bool]]) -> list[NewValue] | None:
        while True:
            values, works = attempt()
            if works:
                return values
            if not self._terminal.is_there or not self._terminal.agree(self._words.text("init.again")):
                return None
            self._questions.forget_given({each.key.replace("_", "-"): each for each in values})

    def _channel(self, loaded: Loaded) -> tuple[list[NewValue], bool]:
        way = self._questions.choice("channel", ("bot", "application"))
        mode = self._questions.choice("mode", ("connection", "callback")) if way == "bot" else ""
        if not way:
            return [], True
        if way == "bot" and not mode:
            # It is named as missing, and with it what the usual way needs.
            mode = "connection"
        kind = "wecom_aibot" if way == "bot" else "wecom_app"
        # The application has the table that settings.toml brings; a bot stands beside it.
        name = "bot" if way == "bot" else "wecom"
        model = loaded.kinds[kind].settings
        data: dict[str, Value] = {"kind": kind}
        if mode:
            data["mode"] = mode
        data |= {
            key: self._questions.value(_option(key), model, f"[channels.{name}]", key, secret=key in _SECRETS)
            for key in _KEYS[mode or way]
        }
        data |= {
            key: self._given[_option(key)]
            for key in ("connection_url", "api_base", "path")
            if _option(key) in self._given and key in model.model_fields
        }
        if self._questions.missing:
            return [], True
        values = _values(("channels", name), data)
        before = loaded.channels.get(name)
        kept = before.model_dump(exclude_unset=True) if before is not None and before.kind == kind else {}
        table = _valid(model, kept | data, f"[channels.{name}]")
        if not isinstance(table, ChannelSettings) or self._flags.untried:
            return values, True
        return values, self._shown(try_channel(loaded, name, table, connect=self._flags.connect))

    def _model(self, loaded: Loaded) -> tuple[list[NewValue], bool]:
        where = "[models.default]"
        data: dict[str, Value] = {
            "provider": self._questions.value("provider", ModelTable, where, "provider", default="openai")
        }
        if data["provider"] != "demo":
            data["base_url"] = self._questions.optional("base-url", ModelTable, where, "base_url")
            data["model"] = self._questions.value("model", ModelTable, where, "model")
            data["api_key"] = self._questions.optional("api-key", ModelTable, where, "api_key", secret=True)
        if self._questions.missing:
            return [], True
        data = {key: value for key, value in data.items() if value}
        values = _values(("models", "default"), data)
        before = loaded.settings.models.get("default")
        # What stands there and was not asked for stays, so it is tried with it.
        kept = before.model_dump(exclude_unset=True) if before else {}
        table = _valid(ModelTable, kept | data, where)
        if not isinstance(table, ModelTable) or self._flags.untried:
            return values, True
        return values, self._shown(try_model(loaded, "default", table))

    def _shown(self, findings: AsyncIterator[Finding]) -> bool:
        async def show() -> bool:
            works = True
            async for finding in findings:
                works = works and finding.state != "ill"
                mark = "✗" if finding.state == "ill" else "✓" if finding.state == "well" else "!"
                click.echo(f"{mark} {finding_line(finding, self._words)}")
                if finding.fix:
                    click.echo(f"    → {finding.fix}")
            return works

        return asyncio.run(show())

    def _say_next(self, loaded: Loaded, channel: Sequence[NewValue]) -> None:
        click.echo(self._words.text("init.next"))
        for name in {each.table[1] for each in channel}:
            if path := loaded.channels[name].callback_path:
                public = loaded.settings.server.public_url.rstrip("/") or "https://…"
                click.echo(self._words.text("init.paste", url=f"{public}{path}"))
        click.echo(self._words.text("init.write_to_it"))


def _option(key: str) -> str:
    return key.replace("_", "-")


def _values(table: tuple[str, str], data: Mapping[str, Value]) -> list[NewValue]:
    return [NewValue(table, key, value, key in _SECRETS) for key, value in data.items()]


def _valid(model: type[BaseModel], data: Mapping[str, object], where: str) -> BaseModel:
    checked = validate_table(model, data, where)
    if isinstance(checked, tuple):
        raise SettingsInvalid(checked)
    return checked
