"""One turn, from accepted event to delivered reply: the file to read first.

    accepted ──guards──▶ answered ──▶ recorded, one transaction ──▶ each part sent, in order ──▶ closed
                  └─▶ refused   └─▶ an apology with a trace id        └─▶ put off, or kept as undelivered

The engine (`storage/turns/worker.py`) calls `run` with a turn whose lane it holds, and carries out the verdict. After a
crash it calls again: with the answer recorded, `turn.parts` holds what is still to be sent, and nothing is asked of
the model twice.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from copy import copy
from dataclasses import replace
from functools import partial
from time import time

import structlog

from pipeline import metrics
from pipeline.answer import (
    ExchangeRecorded,
    FailedUsage,
    MessageStyle,
    Notice,
    Outcome,
    PartialAnswer,
    StyleChosen,
)
from pipeline.errors import OWN_LIMIT, AnswerFailed, LaneLost, TryAgain, Undeliverable, WebotError, wasted_of
from pipeline.events import InboundEvent, Text
from pipeline.ports import (
    AnswerDocuments,
    Answerer,
    AnswerRequest,
    Channel,
    Ending,
    MessageStyles,
    ReplyingChannel,
    TurnLog,
)
from pipeline.replies import DocumentPart, FilePart, Part, Receipt, TextReply
from pipeline.settings import Limits
from pipeline.steps.delay_notice import DelayNotice
from pipeline.steps.gathering import Gathering
from pipeline.steps.guards import Guard
from pipeline.steps.rendering import Renderer
from pipeline.steps.unsent import put_off, undelivered
from pipeline.text.i18n import Catalogue, Sentence
from pipeline.turn_state import (
    STOPPED,
    UNSETTLED,
    Finished,
    JoinedMessage,
    OutgoingPart,
    Postponed,
    Turn,
    Verdict,
    pause_after,
)

log = structlog.get_logger()

_PAGES_SECONDS = 45.0
"""For how long a long answer waits to be made a document before it is sent as plain text."""

GATHERED = Sentence("reason.gathered")
"""Why a turn ended that has no answer of its own."""

_ENDINGS: Mapping[str, Ending] = {
    "done": "nothing",
    "stopped": "stopped",
    "failed": "undelivered",
    "undelivered": "undelivered",
}


class Turns:
    """Runs turns for every channel; `chains` names the chain that answers on each."""

    def __init__(  # noqa: PLR0913 (each is a seam)
        self,
        *,
        channels: Mapping[str, Channel],
        chains: Mapping[str, str],
        answerer: Answerer,
        guards: Sequence[Guard],
        journal: TurnLog,
        catalogue: Catalogue,
        limits: Limits,
        thinking_seconds: float,
        documents: AnswerDocuments | None = None,
        styles: MessageStyles | None = None,
        gathering: Gathering | None = None,
    ) -> None:
        self._channels = channels
        self._replying = {name: one for name, one in channels.items() if isinstance(one, ReplyingChannel)}
        self._chains = chains
        self.answerer = answerer
        self._guards = guards
        self._journal = journal
        self._catalogue = catalogue
        self._renderer = Renderer(catalogue)
        self._documents = documents
        self._styles = styles
        self._gathering = gathering
        self._limits = limits
        self._thinking_seconds = thinking_seconds

    def with_answerer(self, answerer: Answerer) -> "Turns":
        """Return the same with another answerer."""
        other = copy(self)
        other.answerer = answerer
        return other

    async def run(self, turn: Turn) -> Verdict:
        """Run a turn as far as it goes now. Raises `LaneLost` when the turn is no longer ours."""
        replying = self._replying.get(turn.event.sender.channel)
        try:
            verdict = Finished("stopped") if turn.stopped else await self._run(turn)
        except asyncio.CancelledError as error:
            stopped = STOPPED in error.args
            if replying is None or replying.settle(turn.event, "stopped" if stopped else "interrupted") or not stopped:
                raise
            verdict = UNSETTLED
        else:
            if replying is not None and isinstance(verdict, Finished):
                ending = "joined" if verdict.joined is not None else _ENDINGS[verdict.state]
                if not replying.settle(turn.event, ending) and verdict.may_run_again:
                    verdict = await self._put_off(turn, verdict)
        metrics.TURNS.labels(verdict.state if isinstance(verdict, Finished) else "postponed").inc()
        return verdict

    async def _put_off(self, turn: Turn, verdict: Finished) -> Postponed:
        """Return that the turn is over later; that there is nothing to say is recorded, lest a model be asked again."""
        if turn.parts is None and verdict.state == "done" and verdict.joined is None:
            await self._journal.ensure_owned(turn)
            await self._journal.answered(turn, Outcome(()), ())
        return UNSETTLED

    async def _run(self, turn: Turn) -> Verdict:
        channel = self._channels.get(turn.event.sender.channel)
        if channel is None:
            return Finished("failed", reason=Sentence("reason.no_channel", channel=turn.event.sender.channel))
        if turn.parts is None:
            if self._may_begin(turn) and (joined := await self._joined(turn)) is not None:
                return Finished("done", reason=GATHERED, joined=joined)
            step = await (self._answer(turn, channel) if self._may_begin(turn) else self._give_up(turn, channel))
            if not isinstance(step, Turn):
                return step
            turn = step
        elif turn.attempts >= self._limits.turn_attempts:
            stuck = Undeliverable(Sentence("reason.sending_begun", attempts=turn.attempts))
            return undelivered(turn, stuck, held=False)
        return await self._deliver(turn, channel)

    async def _joined(self, turn: Turn) -> JoinedMessage | None:
        """Return the next message where a turn is answered with it; that none can be read must not hold it up."""
        if self._gathering is None:
            return None
        try:
            return await self._gathering.join(turn, self.answerer.is_question)
        except Exception as error:  # noqa: BLE001 -- as said
            log.warning("message_not_gathered", trace=str(turn.id), error=type(error).__name__)
            return None

    def _may_begin(self, turn: Turn) -> bool:
        return turn.attempts < self._limits.turn_attempts and not turn.unreadable

    async def _answer(self, turn: Turn, channel: Channel) -> Turn | Verdict:
        """Make and record the answer; a verdict instead when there is nothing to send."""
        try:
            outcome, failure = await self._ask(turn, channel)
        except TryAgain as error:
            log.warning("answer_postponed", trace=str(turn.id), reason=str(error))
            pause, wasted = max(error.after, pause_after(turn.attempts)), wasted_of(error) or wasted_of(error.__cause__)
            return Postponed(pause, str(error), blamed=not error.blameless, wasted=wasted)
        try:
            return await self._record(turn, channel, outcome, failure)
        except LaneLost:
            raise
        except Exception as error:  # noqa: BLE001 -- the edge of a step: an answer that cannot be kept is none
            # Not with its trace: that may quote the answer.
            reason = _reason_for(error)
        log.error("answer_not_recorded", trace=str(turn.id), key=turn.event.key, reason=reason)
        wasted = _cost_of(outcome)
        if turn.attempts + 1 < self._limits.turn_attempts and not failure:
            return Postponed(pause_after(turn.attempts), reason, wasted=wasted)
        return await self._apologise(turn, channel, reason, wasted)

    async def _give_up(self, turn: Turn, channel: Channel) -> Turn | Verdict:
        """Fail a turn that is not tried again: its row cannot be read, or it has used up its attempts."""
        reason = turn.unreadable or Sentence("reason.begun", attempts=turn.attempts)
        log.error("turn_given_up", trace=str(turn.id), key=turn.event.key, reason=reason)
        if turn.attempts > self._limits.turn_attempts:
            log.error("turn_failed", trace=str(turn.id), reason=reason, apology="not sent: making it did not end, too")
            return Finished("failed", reason=reason)
        return await self._apologise(turn, channel, reason, ())

    async def _apologise(
        self, turn: Turn, channel: Channel, failure: str, wasted: tuple[FailedUsage, ...]
    ) -> Turn | Verdict:
        """Record an apology with the cost; only one of them where both cannot be recorded, and else only the state."""
        said = (TextReply(self._catalogue.text("turn.failed", trace=str(turn.id))),)
        outcomes = (Outcome(said, wasted), *((Outcome(said), Outcome((), wasted)) if wasted else ()))
        for outcome in outcomes:
            try:
                return await self._record(turn, channel, outcome, failure)
            except LaneLost:
                raise
            except Exception as error:  # noqa: BLE001 -- as above
                log.error("apology_not_recorded", trace=str(turn.id), reason=_reason_for(error))  # noqa: TRY400
        return Finished("failed", reason=failure)

    async def _record(self, turn: Turn, channel: Channel, outcome: Outcome, failure: str) -> Turn | Verdict:
        chosen = [change.style for change in outcome.changes if isinstance(change, StyleChosen)]
        style = chosen[-1] if chosen else await self._style(turn, channel)
        parts = await self._renderer.render(channel, outcome.replies, trace=str(turn.id), style=style)
        parts = tuple([await self._as_pages(turn, part) for part in parts])
        if not parts and not outcome.changes:
            return Finished("failed" if failure else "done", reason=failure)
        await self._journal.ensure_owned(turn)
        recorded = await self._journal.answered(turn, outcome, parts, failure=failure)
        if turn.accepted_at:
            metrics.ANSWER_SECONDS.observe(max(0.0, time() - turn.accepted_at))
        return recorded

    async def _style(self, turn: Turn, channel: Channel) -> MessageStyle:
        """Return how a person wants messages; that it cannot be read must not hold the answer up."""
        if self._styles is None or not channel.capabilities.styles:
            return ""
        try:
            return await self._styles.message_style(turn.event.sender)
        except Exception as error:  # noqa: BLE001 -- as said
            log.warning("style_not_read", trace=str(turn.id), error=type(error).__name__)
            return ""

    async def _as_pages(self, turn: Turn, part: Part) -> Part:
        """Return a long answer as a document that phones can show; as the text it is where no pages can be made."""
        if self._documents is None or not isinstance(part, DocumentPart):
            return part
        content = turn.event.content
        question = content.text if isinstance(content, Text) else ""
        try:
            async with asyncio.timeout(_PAGES_SECONDS):
                media = await self._documents.document(turn.event.sender, question, part.text)
        except Exception as error:  # noqa: BLE001 -- the edge of a step: the text itself is sent
            log.warning("answer_not_paged", trace=str(turn.id), error=type(error).__name__)
            return part
        return part if media is None else FilePart(media)

    async def _ask(self, turn: Turn, channel: Channel) -> tuple[Outcome, str]:
        """Return the answer, or an apology and the reason; a bubble that cannot be ended here is ended by an answer."""
        trace = str(turn.id)
        wasted: tuple[FailedUsage, ...] = ()
        try:
            for guard in self._guards:
                refusal = await guard.check(turn)
                if refusal is not None:
                    log.info("turn_refused", trace=trace, reason=refusal.reason or refusal.logged)
                    said = self._catalogue.text(refusal.reason, **refusal.values) if refusal.reason else ""
                    if not said and (bubbles := self._replying.get(channel.name)) is not None:
                        said = "" if bubbles.settle(turn.event, "refused") else self._catalogue.text("aibot.refused")
                    return Outcome((TextReply(said),) if said else ()), ""
            await self._journal.ensure_owned(turn)
            async with asyncio.timeout(self._limits.turn_seconds):
                return await self._listen(turn, channel, trace), ""
        except LaneLost:
            raise
        except TimeoutError as error:
            wasted = wasted_of(error.__cause__)
            own = OWN_LIMIT in getattr(error.__cause__, "__notes__", ())
            reason, said = ("turn.own_limit", "own_limit") if own else ("turn.timeout", "no_answer_within")
            failure: str = Sentence(f"reason.{said}", seconds=f"{self._limits.turn_seconds:g}")
        except AnswerFailed as error:
            reason, failure, wasted = error.reason, str(error), error.wasted
        except TryAgain as error:
            if error.blameless or turn.attempts + 1 < self._limits.turn_attempts:
                raise
            reason, failure, wasted = "turn.failed", str(error), wasted_of(error)
        except Exception as error:  # the edge of a step: whatever a chain does wrong, the person is told
            log.exception("answer_broke", key=turn.event.key, trace=trace)
            if turn.attempts + 1 < self._limits.turn_attempts:
                raise TryAgain(Sentence("reason.answering_broke", kind=type(error).__name__)) from error
            failure = Sentence("reason.answering_broke", kind=type(error).__name__)
            reason, wasted = "turn.failed", wasted_of(error)
        metrics.MODEL_ERRORS.labels(reason).inc()
        log.warning("answer_failed", trace=trace, reason=reason, error=failure)
        return Outcome((TextReply(self._catalogue.text(reason, trace=trace)),), wasted), failure

    async def _listen(self, turn: Turn, channel: Channel, trace: str) -> Outcome:
        """Follow the answer while it is made, saying once that it takes a while."""
        sender = turn.event.sender
        replying = self._replying.get(sender.channel)
        chain = self._chains.get(sender.channel, "default")
        ask = AnswerRequest(turn.event, channel.capabilities, trace, chain, channel.fetch)
        async with (
            DelayNotice(self._thinking_seconds, partial(self._say_still_thinking, turn, channel)) as patience,
            aclosing(self.answerer.answer(ask)) as steps,
        ):
            async for step in steps:
                match step:
                    case PartialAnswer(text, reasoning):
                        if replying is not None:
                            replying.show(turn.event, text, reasoning)
                    case Notice(text):
                        # The chain has said that it takes a while: once is enough.
                        patience.cancel()
                        await self._say_in_passing(turn, channel, text)
                    case Outcome():
                        return step
        raise AnswerFailed(Sentence("reason.no_outcome"), reason="turn.failed")

    async def _say_still_thinking(self, turn: Turn, channel: Channel) -> None:
        await self._say_in_passing(turn, channel, self._catalogue.text("turn.thinking"))

    async def _say_in_passing(self, turn: Turn, channel: Channel, text: str) -> None:
        """Send a word that is no part of the answer; that it may fail must not hold the answer up."""
        replying = self._replying.get(turn.event.sender.channel)
        try:
            await self._journal.ensure_owned(turn)
            if replying is not None:
                replying.notify(turn.event, text)
                return
            style = await self._style(turn, channel)
            for part in await self._renderer.render(channel, (TextReply(text),), trace=str(turn.id), style=style):
                await channel.send(turn.event.sender, part)
        except (TryAgain, Undeliverable) as error:
            log.info("notice_not_sent", trace=str(turn.id), error=str(error))

    async def _deliver(self, turn: Turn, channel: Channel) -> Verdict:
        """Send what is still to be sent, one part after the other."""
        end = Finished("failed" if turn.failure else "done", reason=turn.failure)
        parts = turn.parts or ()
        for part in parts:
            try:
                await self._journal.ensure_owned(turn)
                receipt = await self._send(turn, channel, part, last=part is parts[-1])
            except TryAgain as error:
                if not error.blameless and part.attempts + 1 >= self._limits.send_attempts:
                    return undelivered(turn, error, held=not error.alert)
                return put_off(turn, part, error)
            except Undeliverable as error:
                return undelivered(turn, error, held=error.until_message)
            metrics.SENDS.labels(turn.event.sender.channel, "sent").inc()
            if part is parts[-1]:
                end = Finished(end.state, (part, receipt), end.reason)
        if not turn.failure:
            log.info("turn_done", trace=str(turn.id), channel=turn.event.sender.channel, parts=len(parts))
        return end

    async def _send(self, turn: Turn, channel: Channel, part: OutgoingPart, *, last: bool) -> Receipt:
        """Send a part and note it; the last one is noted with the verdict."""
        replying = self._replying.get(turn.event.sender.channel)

        async def send_and_note() -> Receipt:
            try:
                if replying is not None:
                    receipt = await replying.reply(_answerable(turn.event, part), part.part)
                else:
                    receipt = await channel.send(turn.event.sender, part.part)
            except (TryAgain, Undeliverable):
                raise
            except Exception as error:  # the edge of a step: a bug in an adapter must not lose the answer
                log.exception("send_broke", key=turn.event.key, trace=str(turn.id))
                raise TryAgain(Sentence("reason.sending_broke", kind=type(error).__name__)) from error
            if not last:
                await self._journal.sent(turn, part, receipt)
            return receipt

        task = asyncio.ensure_future(send_and_note())
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            # What has begun is finished before the cancellation is passed on: the person may have the message
            # already, and a part that is not noted as sent is sent again.
            await asyncio.wait({task})
            if task.exception() is None and last:
                await self._journal.sent(turn, part, task.result())
            raise


def _answerable(event: InboundEvent, part: OutgoingPart) -> InboundEvent:
    """Return what a part answers: the first part has used up what the channel answers by."""
    return replace(event, reply_id="") if part.index else event


def _cost_of(outcome: Outcome) -> tuple[FailedUsage, ...]:
    """Return what models took for an answer that is not kept."""
    return tuple(
        FailedUsage(change.provenance)
        for change in outcome.changes
        if isinstance(change, ExchangeRecorded | FailedUsage) and change.provenance.model
    )


def _reason_for(error: Exception) -> str:
    # Our own errors quote nothing that was said; others' may.
    return str(error) if isinstance(error, WebotError) else Sentence("reason.keeping_broke", kind=type(error).__name__)
