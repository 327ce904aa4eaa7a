"""What came of asking a model, as one frozen value, and the attempts that lead to it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from chains.conversation.request import ModelRequest
from chains.conversation.tool_loop import CompletedRound
from chains.media.image_generation import GeneratedImage
from chains.models.errors import word_of
from chains.models.finish import cut_by, is_context_full
from chains.models.parsing.json_answer import json_of
from chains.models.parsing.reasoning import ParsedAnswer
from chains.models.prices import usage_of
from chains.models.registry import ModelRegistry
from chains.models.response import ModelCall, ModelResponse, final_response
from chains.models.tokens import with_estimate
from pipeline.answer import Cut, TokenUsage, ToolUse
from pipeline.errors import AnswerFailed
from pipeline.text.i18n import Sentence

HistoryProblem = Literal["", "too_long", "filtered"]

_TRIMS = 3
_JSON_AGAIN = "That is not valid JSON. Answer again with the JSON alone: no other words, no block of code."
"""How often a conversation that is too long is cut in half before the question is asked alone."""

_NOTHING = ParsedAnswer("", "")


@dataclass(frozen=True, slots=True)
class GeneratedAnswer:
    """What came of one request, whichever way it ended; `failure` says why there is no answer."""

    model: str
    """The provider's name for the model that answered, or was asked last; the table's where it gave none."""
    table: str
    """The table of `[models]` that answered, which is a fallback's where one stood in."""
    text: str = ""
    reasoning: str = ""
    cut: Cut = ""
    """Why the answer is not whole."""
    calls: tuple[ModelCall, ...] = ()
    """What it took, one message of a model after the other."""
    tools: tuple[ToolUse, ...] = ()
    images: tuple[GeneratedImage, ...] = ()
    left_out: int = 0
    """How many of the earlier exchanges were left out, the oldest first, so that there is an answer at all."""
    kept: int = 0
    """How many of them were sent."""
    history_problem: HistoryProblem = ""
    """Why they were."""
    milliseconds: int = 0
    first_milliseconds: int = 0
    """Until the first words, where they came in pieces."""
    failure: AnswerFailed | None = None

    def usage(self, models: ModelRegistry) -> list[TokenUsage]:
        """Return what each message took at today's prices, pictures drawn on the way included."""
        return [
            *(usage_of(call, models.price(call.table)) for call in self.calls),
            *(image.usage for image in self.images),
        ]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way of asking, with what came of it and of those before; the next one goes on from here."""

    request: ModelRequest
    calls: tuple[ModelCall, ...] = ()
    tool_rounds: tuple[CompletedRound, ...] = ()
    """Those whose tools have been used: a model asked again is given them instead of using them twice."""
    pictures: tuple[GeneratedImage, ...] = ()
    response: ModelResponse | None = None
    parsed: ParsedAnswer = _NOTHING
    failure: AnswerFailed | None = None
    is_empty: bool = False
    """Whether an answer came and said nothing."""
    no_json: str = ""
    """What the model answered at first, where that was to be JSON and is none."""
    stands_in: bool = False
    """Whether a fallback is asked because the model before it said nothing."""
    first_failure: AnswerFailed | None = None
    """What the first of the line failed with: it speaks for those that stand in."""
    trims: int = 0
    history_problem: HistoryProblem = ""
    history: int = 0
    """How many exchanges there were at first."""

    @property
    def messages(self) -> list[BaseMessage]:
        """Return what is sent, with what tools have said so far."""
        again = [AIMessage(self.no_json), HumanMessage(_JSON_AGAIN)] if self.no_json else []
        return [*self.request.messages, *_said_by_tools(self.tool_rounds), *again]

    @property
    def table(self) -> str:
        """Name the table that answered last."""
        return (self.response.table if self.response is not None else "") or self.request.model

    @property
    def images(self) -> tuple[GeneratedImage, ...]:
        """Return what was drawn on the way."""
        results = (result for each in self.tool_rounds for result in each.tools)
        return (*(result.image for result in results if result.image is not None), *self.pictures)

    async def ended(self, rounds: Sequence[CompletedRound], failure: AnswerFailed | None, *, counts: bool) -> "Attempt":
        """Return the attempt with what came of it; `counts` is whether tokens that nobody counted are estimated."""
        calls = [*self.calls]
        sent = self.messages
        for each in rounds:
            call = each.response.call(self.request.model)
            calls.append(with_estimate(call, sent, each.response, self.request.tools) if counts else call)
            sent = [*sent, *_said_by_tools((each,))]
        response = _answering([each.response for each in rounds], failure)
        parsed = await response.parsed_aside(whole=True) if response is not None and failure is None else _NOTHING
        ended = replace(
            self,
            calls=tuple(calls),
            tool_rounds=(*self.tool_rounds, *(each for each in rounds if each.tools)),
            pictures=(*self.pictures, *(picture for each in rounds for picture in each.pictures)),
            response=response or self.response,
            parsed=parsed,
            failure=failure,
        )
        if failure is None and not parsed.content and not ended.images:
            return replace(ended, failure=_empty(self.request.model, response), is_empty=True)
        return ended

    def with_less_history(self) -> "Attempt | None":
        """Return the same question with less of what was said before, where that may be what is in the way."""
        history = self.request.history
        if self.failure is None or not history:
            return None
        match self.failure.reason:
            case "model.too_long":
                kept = len(history) // 2 if self.trims < _TRIMS else 0
                problem: HistoryProblem = "too_long"
            case "model.filtered":
                kept, problem = 0, "filtered"
            case _:
                return None
        return replace(
            self._again(),
            request=replace(self.request, history=history[len(history) - kept :]),
            trims=self.trims + 1,
            history_problem=problem,
            history=self.history or len(history),
        )

    def with_json_wanted(self) -> "Attempt | None":
        """Return the question once more, where the answer was to be JSON and is none."""
        is_wrong = self.request.chain.answer_format == "json" and self.failure is None and self.parsed.content
        if not is_wrong or self.no_json or json_of(self.parsed.content):
            return None
        return replace(self._again(), no_json=self.parsed.content)

    def with_stand_in(self) -> "Attempt":
        """Return the same question for the next of the line."""
        return replace(self._again(), stands_in=True, first_failure=self.first_failure or self.failure)

    def answer(self, *, text: str, milliseconds: int, first_milliseconds: int) -> GeneratedAnswer:
        """Return what came of it all; `text` is said where nothing else is."""
        failed = self.failure is not None
        response = self.response or ModelResponse()
        left_out = 0 if failed or not self.history_problem else self.history - len(self.request.history)
        return GeneratedAnswer(
            model=response.model or self.table,
            table=self.table,
            text="" if failed else self._content() or text,
            reasoning=self.parsed.reasoning,
            cut="" if failed else cut_by(response.finish) or ("length" if response.is_cut else ""),
            calls=self.calls,
            tools=tuple(result.use for each in self.tool_rounds for result in each.tools),
            images=self.images,
            left_out=left_out,
            kept=len(self.request.history),
            history_problem=self.history_problem if left_out else "",
            milliseconds=milliseconds,
            first_milliseconds=first_milliseconds,
            failure=(self.first_failure or self.failure) if failed else None,
        )

    def _content(self) -> str:
        said = self.parsed.content
        return (json_of(said) or said) if self.request.chain.answer_format == "json" else said

    def _again(self) -> "Attempt":
        return replace(self, failure=None, is_empty=False, parsed=_NOTHING)


def _said_by_tools(rounds: Sequence[CompletedRound]) -> list[BaseMessage]:
    return [
        message
        for each in rounds
        if each.tools
        for message in (each.response.request, *(result.message for result in each.tools))
    ]


def _answering(responses: Sequence[ModelResponse], failure: AnswerFailed | None) -> ModelResponse | None:
    if not responses:
        return None
    return final_response(responses) if failure is None else responses[-1]


def _empty(model: str, response: ModelResponse | None) -> AnswerFailed:
    finish = response.finish if response is not None else ""
    if is_context_full(finish):
        reason = "model.too_long"
    else:
        # Thoughts, or nothing at all, until the room for the answer was used up: other words cannot help.
        reason = {"filtered": "model.filtered", "length": "model.no_room", "interrupted": "model.broken"}.get(
            cut_by(finish), "model.empty"
        )
    said = Sentence("reason.model_empty", finish=word_of(finish))
    return AnswerFailed(Sentence("reason.of_model", model=model, said=said), reason=reason)
