"""Releases a version of a chain, and asks the processes of the service whether they answer by it."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.revisions import WHOLE_SHARE, ChainRelease, ChainRevision, MachineState, ReleaseState
from pipeline.text.i18n import Sentence
from storage.conversations.chain_revisions import RevisionStore

PATIENCE = 20.0
"""Seconds in which every process of the service should have taken a release over; one usually does within one."""

_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a release asks of every process: that a chain is at a revision, as it is for everybody or as a trial."""

    chain: str
    revision: str
    """Empty for a chain, or a trial, that is to be gone."""
    on_trial: bool = False

    def is_met(self, machine: MachineState) -> bool:
        """Whether a process says so."""
        return (machine.trials if self.on_trial else machine.live).get(self.chain, "") == self.revision

    def refusal(self, machine: MachineState) -> str:
        """Return why a process does not; empty where it says nothing of it, as where a later release came."""
        return (machine.refused_trials if self.on_trial else machine.refused).get(self.chain, "")


@dataclass(frozen=True, slots=True)
class Published:
    """How the processes of the service have taken a release; none of them where no service runs."""

    live: tuple[MachineState, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why, by the hosts of those that refuse it."""
    late: tuple[MachineState, ...] = ()
    """Those that have not said anything in time."""
    repeated: bool = False
    """Whether it was released to the same people already."""
    undone: bool = False
    """Whether the release was taken back, as nobody takes it."""

    @property
    def machines(self) -> int:
        """Return how many processes run."""
        return len(self.live) + len(self.refused) + len(self.late)

    @property
    def took_effect(self) -> bool:
        """Whether all of them answer by it, or will from their start on."""
        return not self.refused and not self.late


async def release(
    revisions: RevisionStore,
    draft: ChainRevision,
    wanted: Wanted,
    *,
    share: int = WHOLE_SHARE,
    users: Sequence[str] = (),
    patience: float = PATIENCE,
) -> Published:
    """Release a revision and wait until each process of the service says what it does.

    One that all of them refuse is taken back: it must not be what answers after the next start.
    """
    before = (await revisions.standing()).get(draft.chain, ReleaseState())
    newest = await revisions.latest()
    number = await revisions.release(draft, share=share, users=users)
    machines = await _settled(revisions, number, patience)
    live = tuple(each for each in machines if each.number >= number and wanted.is_met(each))
    late = tuple(each for each in machines if each.number < number)
    refused = {_name(each): wanted.refusal(each) for each in machines if each not in live and each not in late}
    undone = bool(refused) and not live and not late and number > newest
    if undone:
        await _undo(revisions, draft, wanted, before, patience)
    return Published(live, refused, late, repeated=number <= newest, undone=undone)


async def _settled(revisions: RevisionStore, number: int, patience: float) -> Sequence[MachineState]:
    ends = time.monotonic() + patience
    while True:
        machines = await revisions.machines()
        if all(each.number >= number for each in machines) or time.monotonic() > ends:
            return machines
        await asyncio.sleep(_PAUSE)


async def _undo(
    revisions: RevisionStore, draft: ChainRevision, wanted: Wanted, before: ReleaseState, patience: float
) -> None:
    """Release again what held before."""
    back = ChainRevision(draft.chain, "", "", draft.author, Sentence("reason.refused_note", revision=draft.revision))
    if wanted.on_trial and before.trial is None:
        await revisions.release(back, share=0)
        return
    number = 0 if wanted.on_trial else await revisions.release(_again(before.live, back))
    if before.trial is not None:
        trial = before.trial
        number = await revisions.release(_again(trial, back), share=trial.share, users=trial.users)
    await _settled(revisions, number, patience)


def _again(release: ChainRelease | None, back: ChainRevision) -> ChainRevision:
    if release is None:
        return back
    return ChainRevision(back.chain, release.draft.revision, release.draft.content, back.author, back.note)


def _name(machine: MachineState) -> str:
    return f"{machine.host} {machine.machine[:4]}".strip()
