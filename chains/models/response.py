"""A model's response, accumulated from a whole message or from its chunks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

import structlog
from langchain_core.messages import AIMessage, AIMessageChunk, InvalidToolCall, ToolCall
from langchain_core.messages.ai import add_ai_message_chunks

from chains.models.parsing.reasoning import ParsedAnswer, split_reasoning
from chains.models.parsing.written_calls import Schemas, WrittenCall, calls_of_block, written_calls
from pipeline.steps.deadline_thread import DeadlineThreads, place_of
from pipeline.text.unicode import is_visible, wellformed

log = structlog.get_logger()

_T = TypeVar("_T")

REASONING = "reasoning_content"
REFUSAL = "refusal"
PICTURES = "webot_pictures"
"""Where a message keeps, in `additional_kwargs`, what the provider sent beside the answer."""

SENT = "webot_sent"
"""Where a message keeps, in `additional_kwargs`, what its server may want back beside the tools it asks for."""

TABLE = "webot_table"
"""Where a message of a line of models keeps, in `response_metadata`, which table of the settings answered."""

# How each library names why an answer ended.
_FINISHED = ("finish_reason", "stop_reason", "done_reason")

_ID = 24
_MOST_BLOCKS = 64

MOST_TOKENS = 100_000_000

MOST_CHARACTERS = 200_000
"""Of an answer, and of the thoughts beside it: a model that repeats itself without end is heard no further."""

MOST_INLINE = 20_000
"""Characters of an answer that are parsed on the event loop: at most some 20 ms of CPU."""

_READERS = DeadlineThreads("read answer")


@dataclass(frozen=True, slots=True)
class ModelCall:
    """What one message of a model took: its table in the settings, and the provider's count of tokens."""

    table: str
    model: str
    """The provider's name for it; the table's where it gave none."""
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    estimated: int = 0
    """How many of these tokens are estimated, because the provider did not count them."""


@dataclass(slots=True)
class ModelResponse:
    """A model's response so far; tokens are the provider's own count."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    model: str = ""
    table: str = ""
    """The model's table in the settings, where not the one that was called."""
    finish: str = ""
    input_tokens: int = 0
    cached_tokens: int = 0
    """Those of the input that the provider has kept from an earlier call."""
    output_tokens: int = 0
    is_cut: bool = False
    """Whether the answer went on beyond what is heard of one."""
    trace: str = ""
    """The trace of the turn it answers, for the log."""
    readers: DeadlineThreads = _READERS
    """Where a long answer is read."""
    _is_unreadable: bool = False
    """Whether a reading failed or passed its deadline: this answer is not read again."""
    _asking: AIMessage | None = None
    _blocks: list[AIMessage] = field(default_factory=list)
    _thinks: bool = False

    pictures: tuple[str, ...] = ()
    """The addresses of pictures beside its words, `https:` or `data:`."""
    _sent: dict[str, Any] = field(default_factory=dict)

    @property
    def tool_requests(self) -> Sequence[ToolCall | InvalidToolCall]:
        """Return the tools the model asks for, once the message is whole; last those whose arguments are garbled."""
        return [*self._asking.tool_calls, *self._asking.invalid_tool_calls] if self._asking is not None else ()

    @property
    def request(self) -> AIMessage:
        """Return the message as the model is given it back beside what its tools said."""
        content: str | list[str | dict[Any, Any]] = self.text
        if self._asking is None:
            return AIMessage(content)
        if self._thinks:
            # Anthropic wants its signed thoughts back with what its tools said, and refuses the message without.
            content = _joined_all(self._blocks).content
        asked = self._asking
        return AIMessage(
            content,
            tool_calls=asked.tool_calls,
            invalid_tool_calls=asked.invalid_tool_calls,
            additional_kwargs={SENT: self._sent} if self._sent else {},
        )

    async def read_written_calls(self, schemas: Schemas) -> None:
        """Take calls of the tools that were offered, where the model wrote them into its words, for calls."""
        if self.tool_requests or not self.text:
            return
        found = await self._beside_loop(lambda: self._written_calls(schemas))
        if found is not None and found[0]:
            calls, said = found
            self.text = said
            self._asking = AIMessage(
                said,
                tool_calls=[
                    ToolCall(type="tool_call", id=None, name=call.name, args=dict(call.arguments)) for call in calls
                ],
            )

    def _written_calls(self, schemas: Schemas) -> tuple[list[WrittenCall], str]:
        parsed = self.parsed(whole=True)
        calls = written_calls(parsed.calls, schemas)
        return (calls, parsed.content) if calls else calls_of_block(parsed.content, schemas)

    def settle_ids(self, taken: set[str]) -> None:
        """Set an id of its own for each call in the whole answer: servers leave them out or use one twice."""
        for call in self.tool_requests:
            given = call["id"] or ""
            own = given if given and given not in taken else f"call_{uuid4().hex[:_ID]}"
            call["id"] = own
            taken.add(own)

    def call(self, asked: str) -> ModelCall:
        """Return what the message took; `asked` is the table that was called."""
        return ModelCall(
            self.table or asked, self.model or asked, self.input_tokens, self.cached_tokens, self.output_tokens
        )

    def add(self, message: AIMessage) -> None:
        """Take in a message or a piece of one."""
        content = message.content
        if isinstance(content, str):
            self._hear_text(content)
        else:
            self._add_blocks(message)
        beside = message.additional_kwargs
        self._hear_reasoning(beside.get(REASONING) or "")
        self.pictures += tuple(picture for picture in beside.get(PICTURES, ()) if picture not in self.pictures)
        self._sent = beside.get(SENT) or self._sent
        self.refusal += (beside.get(REFUSAL) or "")[: MOST_CHARACTERS - len(self.refusal)]
        about = message.response_metadata
        self.model = wellformed(str(about.get("model_name") or self.model))
        self.table = about.get(TABLE) or self.table
        self.finish = next((about[key] for key in _FINISHED if about.get(key)), self.finish)
        if (
            message.tool_calls
            or message.invalid_tool_calls
            or (isinstance(message, AIMessageChunk) and message.tool_call_chunks)
        ):
            self._asking = _joined(self._asking, message)
        if usage := message.usage_metadata:
            # Providers that count in every piece count from the beginning each time.
            self.input_tokens = max(self.input_tokens, clamp_token_count(usage["input_tokens"]))
            self.output_tokens = max(self.output_tokens, clamp_token_count(usage["output_tokens"]))
            cached = usage.get("input_token_details", {}).get("cache_read") or 0
            self.cached_tokens = max(self.cached_tokens, clamp_token_count(cached))

    def _hear_text(self, text: str) -> None:
        room = MOST_CHARACTERS - len(self.text)
        self.is_cut = self.is_cut or len(text) > room
        self.text += text[:room]

    def _hear_reasoning(self, text: str) -> None:
        self.reasoning += text[: MOST_CHARACTERS - len(self.reasoning)]

    def _add_blocks(self, message: AIMessage) -> None:
        """Take in a message of providers that tell thought, speech and tools apart in blocks."""
        self._hear_text(message.text)
        thought = "".join(str(block.get("reasoning") or "") for block in message.content_blocks)
        self._hear_reasoning(thought)
        self._blocks.append(message)
        if len(self._blocks) >= _MOST_BLOCKS:
            self._blocks = [_joined_all(self._blocks)]
        self._thinks = self._thinks or bool(thought)

    async def parsed_aside(self, *, whole: bool) -> ParsedAnswer:
        """Return `parsed`, of a long answer from a thread; the words as they are where that fails."""
        parsed = await self._beside_loop(lambda: self.parsed(whole=whole))
        return parsed or ParsedAnswer(wellformed(self.reasoning).strip(), wellformed(self.text).strip())

    async def _beside_loop(self, work: Callable[[], _T]) -> _T | None:
        """Return what work on the text gives: short text is worked on here, long text in a thread with a deadline.

        None where that fails, and for every later reading of the same answer.
        """
        if len(self.text) + len(self.reasoning) <= MOST_INLINE:
            return work()
        if self._is_unreadable:
            return None
        try:
            return await self.readers.run(work)
        except Exception as error:  # noqa: BLE001 - the edge of a step: no text may cost a person the answer
            self._is_unreadable = True
            # Neither the error's own words nor its trace: both may quote the answer.
            log.error(  # noqa: TRY400
                "answer_not_parsed",
                trace=self.trace,
                characters=len(self.text) + len(self.reasoning),
                error=type(error).__name__,
                where=place_of(error),
            )
            return None

    def parsed(self, *, whole: bool) -> ParsedAnswer:
        """Separate reasoning from the answer, in text that can be stored."""
        spoken = split_reasoning(wellformed(self.text), whole=whole)
        said = next((said for said in (spoken.content, wellformed(self.refusal).strip()) if is_visible(said)), "")
        thought = "\n".join(part for part in (wellformed(self.reasoning).strip(), spoken.reasoning) if part)
        return ParsedAnswer(thought, said, spoken.calls)


def clamp_token_count(tokens: float) -> int:
    """Return a provider's count, within what a model can take at all and what the database holds; some count in 7.0."""
    return int(max(0, min(tokens, MOST_TOKENS)))


def final_response(messages: Sequence[ModelResponse]) -> ModelResponse:
    """Return the message whose words are the answer: the last that has any."""
    return next((heard for heard in reversed(messages) if heard.text or heard.refusal), messages[-1])


def _joined_all(blocks: Sequence[AIMessage]) -> AIMessage:
    chunks = [block for block in blocks if isinstance(block, AIMessageChunk)]
    return add_ai_message_chunks(*chunks) if len(chunks) == len(blocks) else blocks[-1]


def _joined(begun: AIMessage | None, more: AIMessage) -> AIMessage:
    if isinstance(begun, AIMessageChunk) and isinstance(more, AIMessageChunk):
        return add_ai_message_chunks(begun, more)
    return more
