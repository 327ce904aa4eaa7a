"""What becomes of a part of an answer that could not be sent: it is tried again later, or given up and told about."""

import structlog

from pipeline import metrics
from pipeline.errors import TryAgain, Undeliverable
from pipeline.turn_state import Finished, OutgoingPart, Postponed, Turn, pause_after

log = structlog.get_logger()


def put_off(turn: Turn, part: OutgoingPart, error: TryAgain) -> Postponed:
    """Return when a part is tried again; an operator is told where one is needed."""
    channel = turn.event.sender.channel
    pause = error.after if error.blameless else max(error.after, pause_after(part.attempts))
    metrics.SENDS.labels(channel, "postponed").inc()
    if error.alert:
        metrics.OPERATOR_NEEDED.labels(channel, error.code).inc()
        log.error("operator_needed", channel=channel, trace=str(turn.id), reason=str(error), code=error.code)
    elif not error.blameless:
        log.warning("send_postponed", channel=channel, trace=str(turn.id), reason=str(error), seconds=pause)
    return Postponed(pause, str(error), part, blamed=not error.blameless)


def undelivered(turn: Turn, error: TryAgain | Undeliverable, *, held: bool) -> Finished:
    """Return the end of a turn whose answer cannot be sent; `held` is whether the chat's next message brings it."""
    channel, reason = turn.event.sender.channel, str(error)
    metrics.SENDS.labels(channel, "undelivered").inc()
    log.error("turn_undelivered", channel=channel, trace=str(turn.id), key=turn.event.key, reason=reason, held=held)
    if error.alert:
        metrics.OPERATOR_NEEDED.labels(channel, error.code).inc()
        log.error("operator_needed", channel=channel, trace=str(turn.id), reason=reason, code=error.code)
    return Finished("undelivered", reason=reason, held=held)
