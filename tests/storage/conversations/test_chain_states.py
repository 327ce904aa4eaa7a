"""What the processes of the service say of their chains, and what a release makes of it, on both databases."""

import asyncio
from pathlib import Path

from chains.catalog.config import parse_chain
from chains.catalog.files import ChainFiles, ChainRequirements
from chains.catalog.sync import ChainSync
from pipeline.revisions import ChainRevision, MachineState
from storage.conversations.chain_revisions import RevisionStore
from storage.conversations.chain_states import delete_state, read_states, write_state
from storage.database.engine import Database
from storage.turns.lease import Lease
from web.operator.chains.publishing import Wanted, release


async def test_only_processes_that_run_are_asked(database: Database) -> None:
    leases = [Lease(database, name, lost=lambda: None) for name in ("one", "two")]
    if database.shared:
        for lease in leases:
            await lease.start()
    said = MachineState("one", number=3, live={"hr": "r1"}, trials={"it": "r2"}, refused={"x": "why"}, away="gone")
    await write_state(database, said)
    found = {each.machine: each for each in await read_states(database)}

    assert ["one", "two"] == sorted(found) if database.shared else ["one"] == list(found)
    assert (3, {"hr": "r1"}, {"it": "r2"}, {"x": "why"}, "gone") == (
        found["one"].number,
        found["one"].live,
        found["one"].trials,
        found["one"].refused,
        found["one"].away,
    )
    assert found["one"].host
    if database.shared:
        assert -1 == found["two"].number
        await leases[1].stop()
        assert ["one"] == [each.machine for each in await read_states(database)]
        await leases[0].stop()
        assert [] == list(await read_states(database))
    await delete_state(database, "one")


async def watch(sync: ChainSync) -> None:
    """Look for what has changed again and again, as the service does."""
    while True:
        await asyncio.sleep(0.02)
        await sync.poll()


async def test_a_release_is_live_on_two_of_two_machines_or_says_on_which_not(
    tmp_path: Path, postgres: Database
) -> None:
    def refuse_big(chain: object) -> str:
        return "model: found 'big'" if "big" in str(chain) else ""

    def refuse_nothing(_: object) -> str:
        return ""

    syncs: list[ChainSync] = []
    looking: list[asyncio.Task[None]] = []
    leases: list[Lease] = []
    for name, check in (("one", refuse_nothing), ("two", refuse_big)):
        shipped, own = tmp_path / name / "shipped", tmp_path / name / "own"
        await asyncio.to_thread(shipped.mkdir, parents=True)
        files = ChainFiles((shipped, own), requirements=ChainRequirements(check))
        await asyncio.to_thread(files.load)
        lease = Lease(postgres, name, lost=lambda: None)
        await lease.start()
        sync = ChainSync(files, RevisionStore(postgres), shared=True, machine=name)
        await sync.start()
        looking.append(asyncio.create_task(watch(sync)))
        syncs.append(sync)
        leases.append(lease)
    revisions = RevisionStore(postgres)

    async def publish(text: str, revision: str, *, share: int = 100) -> tuple[int, int, int, bool]:
        wanted = Wanted("hr", revision, on_trial=share < 100)
        made = await release(revisions, ChainRevision("hr", revision, text), wanted, share=share)
        return len(made.live), len(made.refused), len(made.late), made.undone

    good, big = "turns = 1\n", 'description = "big"\n'
    revision_of = {text: parse_chain(text, name="hr", source="hr").revision for text in (good, big)}
    assert (2, 0, 0, False) == await publish(good, revision_of[good])
    assert (1, 1, 0, False) == await publish(big, revision_of[big])
    assert (2, 0, 0, False) == await publish(good, revision_of[good])
    assert (1, 1, 0, False) == await publish(big, revision_of[big], share=50)
    for task, sync in zip(looking, syncs, strict=True):
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await sync.close()
    for lease in leases:
        await lease.stop()
    assert (0, 0, 0, False) == await publish(big, revision_of[big])
