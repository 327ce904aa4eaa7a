"""The one loop that takes edits over while people are chatting: of the settings files, of chains, and their releases.

All are looked at four times a second, the settings first. Whatever an edit says is read and checked as a whole, as at
the start; then the next generation is made and served. What is wrong is told and nothing of it is used, and what only
a start can change is named and waits for one.
"""

import asyncio

import structlog

from chains.catalog.catalog import ChainCatalog
from pipeline import metrics
from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings
from pipeline.supervision import SupervisedLoop
from web.channels import clashes
from web.logs.setup import Logs
from web.settings.diff import changed, overridden, taken_over
from web.settings.loading import Loaded, Signatures, Source, secrets_of
from web.wiring import Service

log = structlog.get_logger()

LOOK_SECONDS = 0.25
"""Between two looks; an edit is live after two of them."""


class ConfigWatcher:
    """Takes edits over; `logs` are told of a new level and of new secrets. Settings from nowhere stay."""

    def __init__(self, service: Service, loaded: Loaded, logs: Logs | None = None) -> None:
        self._service = service
        self._source = loaded.source
        self.loop = SupervisedLoop("config", self._watch)
        self._logs = logs
        self._used: Signatures = loaded.signatures
        self._seen: Signatures = loaded.signatures
        self._refused: tuple[Loaded, ChainCatalog] | None = None
        """An edit that is right in itself, with the chains it could not go with."""

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            # While the service ends, its chains still follow releases; other settings wait for the next start.
            if self._source is not None and not self._service.closing.is_set():
                try:
                    await self._poll_settings(self._source)
                except Exception as error:  # the edge of a step: the settings in force stay in force
                    log.exception("settings_not_taken_over")
                    self._note((f"{type(error).__name__} while they were taken over; the log has more",))
            try:
                await self._service.chain_sync.poll()
            except Exception:  # the edge of a step: the chains go on as they are
                log.exception("chains_not_watched")

    async def _poll_settings(self, source: Source) -> None:
        """Take an edit over once it holds still for one look: an editor may be half through writing."""
        here = await asyncio.to_thread(source.signatures)
        still, self._seen = here == self._seen, here
        if here != self._used:
            if still:
                await self._read(source, here)
        elif self._refused is not None and self._refused[1] is not self._service.catalog:
            # The chain that stood in the way may have been edited since.
            await self._take(self._refused[0])

    async def _read(self, source: Source, here: Signatures) -> None:
        wanted: Loaded | SettingsInvalid
        try:
            wanted = await asyncio.to_thread(source.load)
        except SettingsInvalid as error:
            wanted = error
        if await asyncio.to_thread(source.signatures) != here:
            return  # edited again while it was read
        self._used = here
        if isinstance(wanted, SettingsInvalid):
            self._refused = None
            self._refuse(wanted)
        else:
            await self._take(wanted)

    async def _take(self, wanted: Loaded) -> None:
        service, running = self._service, self._service.settings
        settings = taken_over(running, wanted.settings)
        self._refused = None
        if self._logs is not None:
            # Before anything is built with them: an error could quote one.
            self._logs.guard(secrets_of(wanted))
        catalog = service.catalog
        try:
            self._check_the_rest(wanted, catalog)
            if settings != running:
                await service.change(settings)
        except SettingsInvalid as error:
            self._refused = (wanted, catalog)
            self._refuse(error)
            return
        if self._logs is not None:
            self._logs.set_level(settings.log.level)
        self._apply_to_logs(running, wanted)
        service.loaded = wanted

    def _check_the_rest(self, wanted: Loaded, catalog: ChainCatalog) -> None:
        """Refuse what the next start would refuse, though it waits for that start."""
        problems = clashes(wanted)
        problems += [
            f"[channels.{channel}].chain: found {table.chain!r}, there are {', '.join(catalog.names)}"
            for channel, table in wanted.settings.channels.items()
            if channel not in self._service.channels and table.chain not in catalog.names
        ]
        if problems:
            raise SettingsInvalid(problems)

    def _apply_to_logs(self, before: Settings, wanted: Loaded) -> None:
        now = self._service.settings
        if keys := changed(before, now):
            log.info("settings_changed", keys=keys)
        elif self._service.edit.refused:
            log.info("settings_good_again")
        waiting = tuple(changed(now, wanted.settings))
        if waiting and waiting != self._service.edit.waiting:
            log.warning("settings_need_restart", keys=list(waiting))
        if vain := overridden(self._service.loaded.layers, wanted.layers):
            log.warning("settings_overridden", keys=list(vain), by=sorted(set(vain.values())))
        self._service.edit.waiting = waiting
        self._note(())

    def _refuse(self, error: SettingsInvalid) -> None:
        for problem in error.problems:
            if problem not in self._service.edit.refused:
                log.error("settings_not_used", problem=problem)
        self._note(tuple(error.problems))

    def _note(self, refused: tuple[str, ...]) -> None:
        self._service.edit.refused = refused
        metrics.SETTINGS_REFUSED.set(bool(refused))
