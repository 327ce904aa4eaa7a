"""What models were asked lately, in memory alone: for who wants to know why an answer came out as it did."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from chains.conversation.generated import GeneratedAnswer
from chains.conversation.request import ModelRequest
from chains.conversation.tool_loop import CompletedRound
from pipeline.answer import ToolUse
from pipeline.events import Person

KEPT_ANSWERS = 100
MOST_CHARACTERS = 20_000
"""Of one message or one tool's output."""
_MOST_IN_ALL = 4_000_000
"""Characters of all requests together, 16 MB at the most: a hundred with long windows could have 80 million."""


@dataclass(frozen=True, slots=True)
class LoggedRound:
    """One message of a model as it was complete: what it said, and each tool it used with what it was told of it."""

    at: float
    """In seconds since 1970."""
    model: str
    text: str
    tools: tuple[tuple[ToolUse, str], ...]
    input_tokens: int
    output_tokens: int


@dataclass(slots=True)
class LoggedRequest:
    """One question as a model was asked it; pictures are only counted."""

    people: frozenset[Person]
    """Who asked, and the group where they did."""
    channel: str
    on_end: Callable[["LoggedRequest"], None]
    began_at: float
    model: str
    """The table of `[models]` that was asked first."""
    chain: str
    revision: str
    messages: tuple[tuple[str, str], ...]
    """Roles and words of the first call."""
    pictures: int
    options: tuple[tuple[str, str], ...]
    tools: tuple[str, ...]
    rounds: list[LoggedRound] = field(default_factory=list)
    first_milliseconds: int = 0
    left_out: int = 0
    """How many earlier exchanges were left out when the question was asked again."""
    failure: str = ""
    ended_at: float = 0.0
    answered_by: tuple[str, str] = ("", "")
    """The table that answered or failed last, and the provider's name for its model."""
    milliseconds: int = 0

    @property
    def characters(self) -> int:
        """Return how many its messages and options have."""
        return sum(len(text) for _, text in (*self.messages, *self.options))

    def add(self, step: CompletedRound) -> None:
        """Log a message of the model."""
        said = step.response
        used = tuple((each.use, each.message.text[:MOST_CHARACTERS]) for each in step.tools)
        text = said.text[:MOST_CHARACTERS]
        self.rounds.append(
            LoggedRound(
                time.time(), said.table or said.model or self.model, text, used, said.input_tokens, said.output_tokens
            )
        )

    def end(self, generated: GeneratedAnswer) -> None:
        """Log what came of it all."""
        self.first_milliseconds = generated.first_milliseconds
        self.left_out = generated.left_out
        self.failure = "" if generated.failure is None else str(generated.failure)
        self.answered_by = (generated.table, generated.model)
        self.milliseconds = generated.milliseconds
        self.ended_at = time.time()
        self.on_end(self)


def _nothing(_ended: LoggedRequest) -> None:
    """Do nothing of it."""


class RequestLog:
    """The latest questions that models were asked, by the trace of their turn."""

    def __init__(self, kept: int = KEPT_ANSWERS, *, on_end: Callable[[LoggedRequest], None] = _nothing) -> None:
        """Make it; `on_end` is told of each request once it has come to an end."""
        self._kept = kept
        self._on_end = on_end
        self._logged: OrderedDict[str, LoggedRequest] = OrderedDict()
        self._characters = 0

    def begin(self, request: ModelRequest) -> LoggedRequest:
        """Log a request, in place of an earlier one of the same turn."""
        ask = request.ask
        logged = LoggedRequest(
            people=frozenset((ask.event.chat, ask.event.sender)),
            channel=ask.event.sender.channel,
            on_end=self._on_end,
            began_at=time.time(),
            model=request.model,
            chain=request.chain.name,
            revision=request.chain.revision,
            messages=tuple((role, text[:MOST_CHARACTERS]) for role, text in request.transcript()),
            pictures=len(request.images),
            options=tuple((name, str(value)[:MOST_CHARACTERS]) for name, value in request.options.items()),
            tools=tuple(request.tools),
        )
        self._drop(ask.trace)
        self._logged[ask.trace] = logged
        self._characters += logged.characters
        while len(self._logged) > 1 and (len(self._logged) > self._kept or self._characters > _MOST_IN_ALL):
            self._drop(next(iter(self._logged)))
        return logged

    def find(self, trace: str) -> LoggedRequest | None:
        """Return what was asked in a turn; None where it was long ago, in another process, or nothing."""
        return self._logged.get(trace)

    def forget(self, person: Person) -> None:
        """Drop everything of a person."""
        for trace in [trace for trace, logged in self._logged.items() if person in logged.people]:
            self._drop(trace)

    def _drop(self, trace: str) -> None:
        dropped = self._logged.pop(trace, None)
        if dropped is not None:
            self._characters -= dropped.characters
