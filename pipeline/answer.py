"""What answering leads to: the replies, and the changes that are recorded together with them or not at all."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pipeline.replies import Reply, StoredMedia

ToolOutcome = Literal["done", "failed", "timeout", "refused"]

Cut = Literal["", "length", "filtered", "interrupted"]
"""Why an answer is not whole: its length, the provider's filter, or a fault on the way; empty for one that is."""

CUTS: tuple[Cut, ...] = ("length", "filtered", "interrupted")


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool a model used on its way to an answer; `arguments` are its own words, shortened."""

    name: str
    arguments: str
    outcome: ToolOutcome
    milliseconds: int = 0


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """What one model took for its share of an answer; `cost` in millionths of the currency of the settings."""

    model: str
    input_tokens: int
    output_tokens: int
    cost: int
    estimated: int = 0
    """How many of these tokens are estimated, because the provider did not count them."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """How an answer came to be; tokens are the provider's own count, or an estimate where it gave none.

    `cost` is in millionths of the currency that the prices in the settings are in.
    """

    chain: str
    revision: str
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    milliseconds: int = 0
    cost: int = 0
    other_usage: tuple[TokenUsage, ...] = ()
    """What of these sums other models took, such as the one that chose the chain."""
    tools: tuple[ToolUse, ...] = ()
    cut: Cut = ""
    estimated: int = 0
    """How many of these tokens are estimated."""

    @property
    def usage(self) -> tuple[TokenUsage, ...]:
        """Return what each model took, the one that answered first; together it is the sums."""
        own = TokenUsage(
            self.model,
            self.input_tokens - sum(each.input_tokens for each in self.other_usage),
            self.output_tokens - sum(each.output_tokens for each in self.other_usage),
            self.cost - sum(each.cost for each in self.other_usage),
            self.estimated - sum(each.estimated for each in self.other_usage),
        )
        return (own, *self.other_usage)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question with its answer, as the transcript keeps them; `pictures` belong to the question."""

    question: str
    answer: str
    pictures: tuple[StoredMedia, ...] = ()
    drawn: tuple[StoredMedia, ...] = ()
    """Pictures that belong to the answer."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A run of exchanges. `number` counts a person's conversations from 1.

    `exchange_count` is how many it has so far.
    """

    id: int
    number: int
    exchange_count: int
    started_at: datetime
    last_at: datetime
    title: str = ""


@dataclass(frozen=True, slots=True)
class ImageReceived:
    """A picture came alone; the next question, if it comes soon, is about it. `sent_at` is the channel's clock."""

    media: StoredMedia
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class ConversationContext:
    """What the model may know of a person: the persona chosen, and the latest exchanges, oldest first.

    `conversation` is None when the next exchange begins a new one.
    """

    persona: str = ""
    conversation: Conversation | None = None
    exchanges: tuple[Exchange, ...] = ()
    pictures: tuple[ImageReceived, ...] = ()
    """Pictures that no question has taken along yet, oldest first."""
    model: str = ""
    """The model the person has chosen, by its name in the settings; empty for the chain's own."""
    forget_asked_at: datetime | None = None
    """When the person was last asked whether everything of theirs shall go."""


@dataclass(frozen=True, slots=True)
class ExchangeRecorded:
    """An exchange took place; `conversation` is the one recalled for it, None to begin another."""

    exchange: Exchange
    provenance: Provenance
    conversation: Conversation | None
    is_command: bool = False
    """Whether it was a command's: kept for export, and no model is ever shown it."""


@dataclass(frozen=True, slots=True)
class FailedUsage:
    """Models took something for an answer that could not be given: it is paid all the same."""

    provenance: Provenance


@dataclass(frozen=True, slots=True)
class ConversationClosed:
    """The person wants a fresh start: what was said stays, but the model sees none of it again."""


@dataclass(frozen=True, slots=True)
class PersonaSet:
    """The person chose how webot shall behave; empty text chooses the chain's own words again."""

    text: str


@dataclass(frozen=True, slots=True)
class ModelChosen:
    """The person chose who answers, by its name in the settings; empty chooses the chain's own model again."""

    name: str


MessageStyle = Literal["", "plain", "rich"]
"""How a person wants messages: as plain text, as Markdown, or as the channel's settings say."""


@dataclass(frozen=True, slots=True)
class StyleChosen:
    """The person chose how messages look; empty chooses what the settings say again."""

    style: MessageStyle


@dataclass(frozen=True, slots=True)
class PersonRating:
    """What one person thinks of an answer; `at` in seconds since 1970."""

    user: str
    rating: Literal["good", "bad"]
    note: str
    at: float


@dataclass(frozen=True, slots=True)
class Rated:
    """The person judged the latest answer they were given; a second judgement takes the place of the first.

    `good` is None where it was taken back.
    """

    good: bool | None
    why: str = ""
    answer: str = ""
    """The key of the event whose answer is meant; empty for the latest."""


@dataclass(frozen=True, slots=True)
class ForgetAsked:
    """The person was asked whether everything of theirs shall go."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The person wants everything gone: what they said and were told, their persona, their files."""


Change = (
    ExchangeRecorded
    | FailedUsage
    | ConversationClosed
    | PersonaSet
    | ModelChosen
    | StyleChosen
    | Rated
    | ImageReceived
    | ForgetAsked
    | Forgotten
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of answering."""

    replies: tuple[Reply, ...]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class PartialAnswer:
    """The answer so far, whole each time; shown only by channels that stream."""

    text: str
    reasoning: str = ""
    """What the model thought before it, for channels that show it; it is kept nowhere."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A short word while the person waits; sent at once, never retried, no part of the answer."""

    text: str


Step = PartialAnswer | Notice | Outcome
