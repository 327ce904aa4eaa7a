"""Remembers how much of a conversation its model takes, so that it is found out and told once."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.answer import Conversation, Exchange

_REMEMBERED = 4096
"""Conversations; the one that was quiet for longest is found out about anew."""


@dataclass(frozen=True, slots=True)
class _Limit:
    at: int
    """How many exchanges the conversation had then."""
    kept: int
    """How many of them the model was given."""


@dataclass(slots=True)
class HistoryLimits:
    """The conversations of which only a part is sent, because their model refused the whole."""

    _limits: OrderedDict[int, _Limit] = field(default_factory=OrderedDict)

    def of(self, conversation: Conversation | None, exchanges: Sequence[Exchange]) -> Sequence[Exchange]:
        """Return the exchanges that are worth sending: those kept before, and what was said since."""
        limit = self._limits.get(conversation.id) if conversation is not None else None
        if limit is None or conversation is None:
            return exchanges
        most = limit.kept + max(0, conversation.exchange_count - limit.at)
        return exchanges[-most:] if most else ()

    def note(self, conversation: Conversation | None, *, kept: int) -> bool:
        """Note how many exchanges a model took; whether the person is told now, once a conversation."""
        if conversation is None:
            return True
        is_new = conversation.id not in self._limits
        self._limits[conversation.id] = _Limit(conversation.exchange_count, kept)
        self._limits.move_to_end(conversation.id)
        if len(self._limits) > _REMEMBERED:
            self._limits.popitem(last=False)
        return is_new
