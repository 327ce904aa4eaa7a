"""Counts each answer, and each that could not be made, for what it was given by."""

from collections.abc import Callable

from chains.conversation.request_log import LoggedRequest
from storage.usage.daily_counts import DailyCounts


def counting(counts: DailyCounts) -> Callable[[LoggedRequest], None]:
    """Return what is told of each request that has come to an end."""

    def count(ended: LoggedRequest) -> None:
        table, model = ended.answered_by
        if ended.failure:
            counts.failed({"model": model, "table": table, "chain": ended.chain, "channel": ended.channel})
        else:
            counts.answered(
                {"model": model, "table": table, "chain": ended.chain, "channel": ended.channel}, ended.milliseconds
            )

    return count
