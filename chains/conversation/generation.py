"""One way to make an answer: prepare the request, run it, and hold what came of it in one value.

The service, `webot chains try`, `test` and `replay`, `webot models test` and the doctor all go through here, so that
what a trial sends and counts is what the service would.
"""

import time
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from chains.catalog.config import ChainConfig
from chains.conversation import prompt
from chains.conversation.request import ModelRequest
from chains.conversation.tool_loop import CompletedRound, run_tool_loop
from chains.media.image_generation import GeneratedImage
from chains.media.image_input import encode_images
from chains.models.errors import to_answer_failed, word_of
from chains.models.fallback import ChatModel
from chains.models.parsing.reasoning import ParsedAnswer
from chains.models.prices import usage_of
from chains.models.registry import ModelRegistry
from chains.models.response import FILTERED, ModelCall, ModelResponse, final_response
from chains.tooling.executor import ToolExecutor
from chains.tooling.mcp_client import CONNECT_SECONDS
from chains.toolset import ToolRegistry
from pipeline.answer import Exchange, Notice, PartialAnswer, TokenUsage, ToolUse
from pipeline.errors import AnswerFailed, SettingsInvalid
from pipeline.ports import AnswerRequest, ImageStore
from pipeline.replies import StoredMedia
from pipeline.settings import Chat
from pipeline.text.i18n import Catalogue

NONE: frozenset[str] = frozenset()

GenerationStep = PartialAnswer | Notice | CompletedRound


def answer_only(parsed: ParsedAnswer) -> str:
    """Return the answer without the model's thoughts."""
    return parsed.content


@dataclass(frozen=True, slots=True)
class GeneratedAnswer:
    """What came of one request, whichever way it ended; `failure` says why there is no answer."""

    model: str
    """The provider's name for the model that answered, or was asked last; the table's where it gave none."""
    table: str
    """The table of `[models]` that answered, which is a fallback's where one stood in."""
    text: str = ""
    reasoning: str = ""
    finish: str = ""
    """The provider's word for why the answer ended."""
    is_cut: bool = False
    """Whether the answer went on beyond what is heard of one."""
    calls: tuple[ModelCall, ...] = ()
    """What it took, one message of a model after the other."""
    tools: tuple[ToolUse, ...] = ()
    images: tuple[GeneratedImage, ...] = ()
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


class AnswerGenerator:
    """Makes answers with the models and tools of some settings."""

    def __init__(
        self,
        models: ModelRegistry,
        chat: Chat,
        catalogue: Catalogue,
        tool_registry: ToolRegistry,
        *,
        images: ImageStore | None = None,
        tool_seconds: float = CONNECT_SECONDS,
    ) -> None:
        """`images` makes pictures small enough to be shown; `tool_seconds` is the wait for servers of tools."""
        self.models = models
        self._chat = chat
        self._catalogue = catalogue
        self._tool_registry = tool_registry
        self._images = images
        self._tool_seconds = tool_seconds

    async def prepare(  # noqa: PLR0913 (what a question may come with)
        self,
        chain: ChainConfig,
        question: str,
        ask: AnswerRequest,
        *,
        called: bool,
        model: str = "",
        persona: str = "",
        exchanges: Sequence[Exchange] = (),
        pictures: tuple[StoredMedia, ...] = (),
        withheld: Collection[str] = NONE,
    ) -> ModelRequest:
        """Return the request for a question; waits for servers whose tools it offers.

        `called` is whether the person called the chain by command or keyword: it then speaks for itself, since a
        persona would turn a translator into something else. `model` stands in for the chain's own, and `withheld`
        names tools that are not offered.
        """
        model = model or chain.model
        blanks = prompt.values_for(ask, chain, self._catalogue)
        override = "" if called else persona or self._chat.system_prompt
        history = prompt.history(chain, exchanges)
        sees = self._images is not None and self.models.sees(model)
        tools = (
            await self._tool_registry.bind(chain, ask.capabilities, patience=self._tool_seconds) if chain.tools else {}
        )
        return ModelRequest(
            chain,
            model,
            ask,
            prompt.system_prompt(chain, blanks, self._catalogue, override=override),
            prompt.question(chain, question, blanks),
            prompt.examples(chain, blanks),
            history,
            pictures,
            await encode_images(self._images, pictures, history) if sees and self._images is not None else {},
            self.models.options(model, prompt.options(chain, model=model)),
            {name: tool for name, tool in tools.items() if name not in withheld},
        )

    async def run(
        self,
        request: ModelRequest,
        *,
        shown: Callable[[ParsedAnswer], str] = answer_only,
        opened: ChatModel | None = None,
    ) -> AsyncGenerator[GenerationStep | GeneratedAnswer]:
        """Yield drafts, notices and each completed round, and at the end what came of it all; raises nothing.

        `shown` is what a draft shows of the answer so far; `opened` is asked in the place of the request's model.
        """
        executor = ToolExecutor(request.tools, request.ask, self._catalogue)
        rounds: list[CompletedRound] = []
        began = time.perf_counter()
        first = 0
        failure: AnswerFailed | None = None
        try:
            model = opened or await self.models.chat(request.model)
            steps = run_tool_loop(model, request.messages, request.options, executor, shown=shown)
            async with aclosing(steps):
                async for step in steps:
                    match step:
                        case CompletedRound():
                            rounds.append(step)
                        case PartialAnswer():
                            first = first or _since(began)
                        case Notice():
                            pass
                    yield step
        except SettingsInvalid as error:
            failure = AnswerFailed(str(error), reason="model.setup")
        except Exception as error:  # noqa: BLE001 - providers and their libraries raise anything
            # The error's own text may quote the question or the key: neither it nor its trace goes further.
            failure = to_answer_failed(error, model=request.model)
        yield await self._concluded(request, rounds, failure, (_since(began), first))

    async def _concluded(
        self,
        request: ModelRequest,
        rounds: Sequence[CompletedRound],
        failure: AnswerFailed | None,
        milliseconds: tuple[int, int],
    ) -> GeneratedAnswer:
        responses = [each.response for each in rounds]
        results = [result for each in rounds for result in each.tools]
        images = tuple(result.image for result in results if result.image is not None)
        heard = _answering(responses, failure)
        parsed = ParsedAnswer("", "") if failure is not None else await heard.parsed_whole()
        text = parsed.content or (self._catalogue.text("image.here") if images and failure is None else "")
        return GeneratedAnswer(
            model=heard.model or request.model,
            table=heard.table or request.model,
            text=text,
            reasoning=parsed.reasoning,
            finish=heard.finish,
            is_cut=heard.is_cut,
            calls=tuple(response.call(request.model) for response in responses),
            tools=tuple(result.use for result in results),
            images=images,
            milliseconds=milliseconds[0],
            first_milliseconds=milliseconds[1],
            failure=failure if failure is not None or text else _empty(request.model, heard),
        )


def _answering(responses: Sequence[ModelResponse], failure: AnswerFailed | None) -> ModelResponse:
    if not responses:
        return ModelResponse()
    return final_response(responses) if failure is None else responses[-1]


def _empty(model: str, heard: ModelResponse) -> AnswerFailed:
    reason = "model.filtered" if heard.finish.lower() in FILTERED else "model.empty"
    return AnswerFailed(f"[models.{model}]: empty answer, finished by {word_of(heard.finish)!r}", reason=reason)


def _since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)
