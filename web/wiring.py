"""The composition root: who gets which object, decided here and nowhere else."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from adapters.channel_kind import ChannelContext
from adapters.simulator.simulator import WeComSimulator
from chains.catalog.catalog import ChainCatalog
from chains.catalog.config import ChainConfig
from chains.catalog.files import open_chain_files
from chains.catalog.requirements import ChainRequirements
from chains.catalog.sync import ChainSync, live_chains
from chains.commands import all_commands
from chains.conversation.request_log import RequestLog
from chains.router import Chains, open_chains
from exports.chat import ChatExports
from exports.kept_jobs import BackgroundExports
from exports.workers.pool import RenderPool
from pipeline import metrics
from pipeline.events import Person
from pipeline.lanes import Intake
from pipeline.net import check_proxy
from pipeline.ports import Channel
from pipeline.settings import Settings
from pipeline.steps.gathering import Gathering
from pipeline.steps.guards import AllowList, RateLimit
from pipeline.supervision import SupervisedLoop
from pipeline.text.i18n import Catalogue, listed_sentences
from pipeline.text.time_zone import use_timezone
from pipeline.turn import Turns
from storage.conversations.chain_revisions import RevisionStore
from storage.conversations.cleanup import CleanupTask
from storage.conversations.erasure import Eraser
from storage.conversations.polled_streams import PolledStreamTable
from storage.conversations.transcript import TranscriptStore
from storage.database.access import driver_errors
from storage.database.connection_holders import ConnectionHolders
from storage.database.engine import Database, open_database
from storage.database.migrate import migrate
from storage.database.schema_watch import SchemaWatch
from storage.jobs.job_runner import JobRunner
from storage.media.audio import StoredAudio
from storage.media.decoder import Decoder
from storage.media.documents import StoredDocuments
from storage.media.files import MediaFolder
from storage.media.images import StoredImages
from storage.monitoring.send_log import OutboxSendLog
from storage.rights import check_folder, keep_private
from storage.terms.index_builder import IndexBuilder
from storage.turns.heads import NextMessages
from storage.turns.readiness import Readiness, WriteOutcomes
from storage.turns.worker import Worker
from storage.usage.daily_counts import DailyCounts
from storage.usage.totals import UsageTotalsReader
from web.answer_counts import counting
from web.channels import Opened, delivered_elsewhere, open_channels, wants_simulator
from web.generations import Generation, Generations, LatestEdit
from web.security.access import Access
from web.security.account_lookup import Accounts
from web.settings.loading import Loaded

log = structlog.get_logger()

_RENDER_PROCESSES = 2
"""Processes that make documents for people in the chat, at most."""


@dataclass(frozen=True)
class Foundation:
    """The parts that survive a reload."""

    database: Database
    media: MediaFolder
    worker: Worker
    accounts: UsageTotalsReader
    rate_limit: RateLimit
    decoder: Decoder = field(default_factory=Decoder)
    """Shared by all, so that its bounds hold for the whole process."""
    request_log: RequestLog = field(default_factory=RequestLog)

    def open_chains(
        self,
        settings: Settings,
        exports: ChatExports,
        *,
        read_catalog: Callable[[ChainRequirements], ChainCatalog],
        former: Chains | None = None,
    ) -> Chains:
        """Open what answers under some settings; see `chains.router.open_chains`. Reads files."""
        return open_chains(
            settings,
            memory=TranscriptStore(self.database),
            stopper=self.worker,
            read_catalog=read_catalog,
            pictures=StoredImages(self.media, decoder=self.decoder),
            sounds=StoredAudio(self.media, decoder=self.decoder),
            documents=StoredDocuments(self.media, decoder=self.decoder),
            exporter=exports,
            spending=self.accounts,
            former=former,
            request_log=self.request_log,
        )

    def exports(self, settings: Settings) -> ChatExports:
        """Make what exports conversations and makes documents of answers, for both of its uses. Reads files."""
        return ChatExports(
            self.database,
            self.media,
            RenderPool(processes=_RENDER_PROCESSES, keep=False, seconds=settings.limits.turn_seconds),
            settings=settings.export,
            language=settings.chat.language,
            idle_minutes=settings.chat.idle_minutes,
            keep_days=settings.storage.keep_turns_days,
        )

    def generation(
        self, settings: Settings, chains: Chains, exports: ChatExports, channels: Mapping[str, Channel]
    ) -> Generation:
        """Return the generation in which these chains answer on the channels."""
        limits = settings.limits
        turns = Turns(
            channels=channels,
            chains={name: settings.channels[name].chain for name in channels},
            answerer=chains,
            guards=(
                AllowList(limits.users, limits.departments, channels),
                self.rate_limit.with_limit(limits.per_user_per_minute),
            ),
            journal=self.worker,
            catalogue=Catalogue(settings.chat.language),
            limits=limits,
            thinking_seconds=settings.chat.thinking_seconds,
            documents=exports,
            styles=TranscriptStore(self.database),
            gathering=Gathering(settings.chat.gather_seconds, NextMessages(self.database)),
        )
        return Generation(settings, chains, turns)


@dataclass(eq=False)
class Service:
    """Everything that runs, in the order in which it is let go of."""

    foundation: Foundation
    database: Database
    worker: Worker
    cleanup: CleanupTask
    index_builder: IndexBuilder
    daily_counts: DailyCounts
    jobs: JobRunner
    exports: BackgroundExports
    schema: SchemaWatch
    eraser: Eraser
    channels: Mapping[str, Opened]
    generations: Generations
    loaded: Loaded
    """The settings as they were read last and could be used, with the layer of each."""
    chain_sync: ChainSync
    simulator: WeComSimulator | None
    media: MediaFolder
    files: Readiness
    """Whether files can be kept in data_dir."""
    intake: Intake
    accounts: Accounts
    access: Access = field(default_factory=Access)
    """What proves that a program or a person may use it."""
    edit: LatestEdit = field(default_factory=LatestEdit)
    loops: list[SupervisedLoop] = field(default_factory=list)
    """What runs in the background beside the worker's own."""
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the service is about to stop: whoever follows something should end."""

    @property
    def settings(self) -> Settings:
        """Return the settings that hold now."""
        return self.generations.now.settings

    @property
    def chains(self) -> Chains:
        """Return the chains and models that answer now."""
        return self.generations.now.chains

    @property
    def catalog(self) -> ChainCatalog:
        """Return the catalogue that is served now."""
        return self.generations.now.catalog

    @property
    def loops_trouble(self) -> str:
        """Return which background loops do not run and why, or nothing."""
        return listed_sentences({loop.name: loop.trouble for loop in self.loops})

    async def change(self, settings: Settings) -> None:
        """Apply other settings from the next turn on.

        Raises `SettingsInvalid` for settings under which not everybody could be answered; nothing has changed then.
        """

        def build() -> tuple[Chains, ChatExports]:
            exports = self.foundation.exports(settings)
            read, former = self.chain_sync.preview, self.chains
            return self.foundation.open_chains(settings, exports, read_catalog=read, former=former), exports

        chains, exports = await asyncio.to_thread(build)
        try:
            await chains.warm()
        except BaseException:
            await chains.aclose()
            raise
        channels = {name: one.channel for name, one in self.channels.items()}
        self.chain_sync.apply(chains.services.requirements, chains.catalog)
        self.generations.replace(self.foundation.generation(settings, chains, exports, channels))
        limits = settings.limits
        self.worker.resize(
            most=limits.max_concurrent_turns, drain_seconds=limits.drain_seconds, turn_attempts=limits.turn_attempts
        )

    async def start(self) -> None:
        """Begin to answer: first what an earlier process left."""
        data = Path(self.settings.storage.data_dir)
        await asyncio.to_thread(keep_private, data, data / "media", data / "cache", data / "exports")
        await self.chain_sync.start()
        await self.chains.warm()
        await self.cleanup.load()
        await self.worker.start(self.generations.run)
        self.cleanup.start()
        self.index_builder.start()
        self.daily_counts.start()
        await self.exports.start()
        await self.jobs.start()
        self.schema.start()
        self.loops.extend([self.schema.loop] if self.database.shared else ())
        listening = [opened.start(self.intake.accept) for opened in self.channels.values() if opened.start]
        self.loops.extend((*listening, *self.worker.loops, self.cleanup.loop, self.index_builder.loop))
        self.loops.extend((self.jobs.loop, self.daily_counts.loop))

    async def drain(self) -> None:
        """Wait for running turns to end; what is accepted from now on waits for the next start."""
        self.closing.set()
        self.jobs.end_followers()
        await self.worker.drain()

    async def close(self) -> None:
        """Close everything."""
        await self.worker.close()
        await self.chain_sync.close()
        for part in (self.cleanup, self.index_builder, self.daily_counts, self.jobs, self.schema, self.eraser):
            await part.close()
        for opened in self.channels.values():
            await opened.channel.aclose()
        await self.generations.close()
        if self.simulator is not None:
            await self.simulator.aclose()
        await self.database.close()


async def open_service(loaded: Loaded, *, own_url: str) -> Service:
    """Build the service of some settings; `own_url` is where this process is reached on this machine.

    Raises `SettingsInvalid`, `ChainInvalid`, `AlreadyRunning` or `DatabaseUnusable`, with nothing left open.
    """
    settings = loaded.settings
    storage = settings.storage
    use_timezone(settings.chat.timezone)
    check_proxy(settings.network.proxy.get_secret_value())
    await asyncio.to_thread(check_folder, Path(storage.data_dir))
    with driver_errors():
        url = storage.database_url.get_secret_value()
        database = await asyncio.to_thread(open_database, url, pool_size=storage.pool_size)
    simulator: WeComSimulator | None = None
    try:
        with driver_errors():
            await asyncio.to_thread(database.own)
            migrated = await migrate(database)
            before = live_chains(await RevisionStore(database).standing())
        if not migrated.before:
            log.info("schema_created", version=migrated.after)
        elif migrated.before != migrated.after:
            log.info("schema_migrated", before=migrated.before, after=migrated.after)
        if wants_simulator(loaded):
            simulator = WeComSimulator()
            await simulator.start()
        # Reads files and certificates.
        return await asyncio.to_thread(_assemble, loaded, own_url, database, simulator, before)
    except BaseException:
        if simulator is not None:
            await simulator.aclose()
        await database.close()
        raise


def _assemble(
    loaded: Loaded,
    own_url: str,
    database: Database,
    simulator: WeComSimulator | None,
    before: Sequence[ChainConfig],
) -> Service:
    settings = loaded.settings
    media = MediaFolder(Path(settings.storage.data_dir) / "media")
    outbox = OutboxSendLog(database)
    limits = settings.limits

    daily_counts = DailyCounts(database)
    request_log = RequestLog(on_end=counting(daily_counts))

    async def drop(person: Person) -> None:
        request_log.forget(person)
        await jobs.drop_outdated()
        if person.channel in opened:
            await opened[person.channel].forget(person)

    eraser = Eraser(database, Path(settings.storage.data_dir), media=media, on_forgotten=drop)
    worker = Worker(
        database,
        most=limits.max_concurrent_turns,
        drain_seconds=limits.drain_seconds,
        turn_attempts=limits.turn_attempts,
        forgotten=eraser.forgotten,
        elsewhere=lambda: delivered_elsewhere(opened),
    )
    base = Foundation(
        database,
        media,
        worker,
        UsageTotalsReader(database),
        RateLimit(settings.limits.per_user_per_minute),
        request_log=request_log,
    )
    files = open_chain_files(settings, reserved=all_commands().words, before=before)
    exports = base.exports(settings)
    chains = base.open_chains(settings, exports, read_catalog=files.open)
    opened = open_channels(
        loaded,
        simulator=simulator,
        own_url=own_url,
        context=lambda name: ChannelContext(
            name=name,
            media=media,
            send_log=outbox,
            lease=ConnectionHolders(database, worker.name),
            streams=PolledStreamTable(database),
            cache_folder=Path(settings.storage.data_dir) / "cache",
            shared_database=database.shared,
            proxy=settings.network.proxy.get_secret_value(),
            language=settings.chat.language,
        ),
    )
    channels = {name: one.channel for name, one in opened.items()}
    generations = Generations(base.generation(settings, chains, exports, channels))
    metrics.RUNNING.set_function(lambda: worker.running)
    keep_days = settings.storage.keep_turns_days
    cleanup = CleanupTask(
        database,
        media,
        keep_days=keep_days,
        keep_media_days=settings.storage.keep_media_days,
        retention_days=settings.storage.retention_days,
        eraser=eraser,
    )
    jobs = JobRunner(database)
    return Service(
        foundation=base,
        database=database,
        worker=worker,
        cleanup=cleanup,
        index_builder=IndexBuilder(database),
        daily_counts=daily_counts,
        jobs=jobs,
        exports=BackgroundExports(
            database,
            media,
            Path(settings.storage.data_dir) / "exports",
            engine=lambda: generations.now.settings.export.pdf_engine,
            jobs=jobs,
        ),
        schema=SchemaWatch(database),
        eraser=eraser,
        channels=opened,
        generations=generations,
        loaded=loaded,
        chain_sync=ChainSync(
            files,
            RevisionStore(database),
            shared=database.shared,
            serve=generations.serve,
            machine=worker.name,
            catalogue=Catalogue(settings.chat.language),
        ),
        simulator=simulator,
        media=media,
        files=Readiness(media.probe, WriteOutcomes()),
        intake=Intake(worker, generations.urgent, keep_days=keep_days, keyless_until=lambda: cleanup.keyless_until),
        accounts=Accounts(database, real=any(one.simulated is None for one in opened.values())),
    )
