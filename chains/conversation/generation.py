"""One way to make an answer: prepare the request, run it, and hold what came of it in one value.

The service, `webot chains try`, `test` and `replay`, `webot models test` and the doctor all go through here, so that
what a trial sends and counts is what the service would.
"""

import time
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import replace

import structlog

from chains.catalog.config import ChainConfig
from chains.conversation import prompt
from chains.conversation.generated import Attempt, GeneratedAnswer
from chains.conversation.request import ModelRequest
from chains.conversation.tool_loop import CompletedRound, run_tool_loop
from chains.media.answer_pictures import keep_pictures
from chains.media.image_input import encode_images
from chains.media.safe_fetch import SafeFetcher
from chains.models.errors import to_answer_failed
from chains.models.fallback import ChatModel
from chains.models.parsing.reasoning import ParsedAnswer
from chains.models.registry import ModelRegistry
from chains.tooling.executor import ToolExecutor
from chains.tooling.mcp_client import CONNECT_SECONDS
from chains.toolset import ToolRegistry
from pipeline.answer import Exchange, Notice, PartialAnswer
from pipeline.errors import AnswerFailed, SettingsInvalid
from pipeline.ports import AnswerRequest, ImageStore
from pipeline.replies import StoredMedia
from pipeline.settings import Chat
from pipeline.text.i18n import Catalogue, joined_sentences

log = structlog.get_logger()

NONE: frozenset[str] = frozenset()

GenerationStep = PartialAnswer | Notice | CompletedRound


def answer_only(parsed: ParsedAnswer) -> str:
    """Return the answer without the model's thoughts."""
    return parsed.content


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
        fetcher: SafeFetcher | None = None,
        tool_seconds: float = CONNECT_SECONDS,
    ) -> None:
        """Make it; `images` keeps pictures and makes them small enough to be shown, `fetcher` gets those of answers.

        `tool_seconds` is the wait for servers of tools.
        """
        self.models = models
        self._chat = chat
        self._catalogue = catalogue
        self._tool_registry = tool_registry
        self._images = images
        self._fetcher = fetcher or SafeFetcher()
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
            self.models.options(
                model, prompt.own_options(chain, model=model), prompt.shared_options(chain, model=model)
            ),
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

        An answer that says nothing is asked of the fallbacks, too. Where the conversation is too long, or an earlier
        exchange is what a filter refuses, the question is asked again with less of it, or none.

        `shown` is what a draft shows of the answer so far; `opened` is asked in the place of the request's model.
        """
        executor = ToolExecutor(request.tools, request.ask, self._catalogue)
        attempt = Attempt(request)
        counts = not self.models.is_demo(request.model)
        began = time.perf_counter()
        first = 0
        while True:
            rounds: list[CompletedRound] = []
            failure: AnswerFailed | None = None
            try:
                model = opened or await self._open(attempt)
                steps = run_tool_loop(model, attempt.messages, request.options, executor, shown=shown)
                async with aclosing(steps):
                    async for step in steps:
                        match step:
                            case CompletedRound():
                                rounds.append(await self._with_pictures(step, request.model))
                            case PartialAnswer():
                                first = first or _since(began)
                            case Notice():
                                pass
                        yield step
            except SettingsInvalid as error:
                failure = AnswerFailed(joined_sentences(error.problems), reason="model.setup")
            except Exception as error:  # noqa: BLE001 - providers and their libraries raise anything
                # The error's own text may quote the question or the key: neither it nor its trace goes further.
                failure = to_answer_failed(error, model=request.model)
            attempt = await attempt.ended(rounds, failure, counts=counts)
            following = (
                attempt.with_less_history()
                or attempt.with_json_wanted()
                or (None if opened else self._with_stand_in(attempt))
            )
            if following is None:
                break
            attempt = following
        yield attempt.answer(
            text=self._catalogue.text("image.here"),
            milliseconds=_since(began),
            first_milliseconds=first,
        )

    async def _with_pictures(self, step: CompletedRound, model: str) -> CompletedRound:
        if not step.response.pictures or self._images is None:
            return step
        return replace(step, pictures=await keep_pictures(step.response, self._images, self._fetcher, model=model))

    async def _open(self, attempt: Attempt) -> ChatModel:
        if not attempt.stands_in:
            return await self.models.chat(attempt.request.model)
        return await self.models.chat_after(attempt.request.model, attempt.table)

    def _with_stand_in(self, attempt: Attempt) -> Attempt | None:
        """Return the question for the next of the model's line, where the one before it said nothing."""
        if not attempt.is_empty or not self.models.has_fallback_after(attempt.request.model, attempt.table):
            return None
        log.warning("answer_empty", model=attempt.table, trace=attempt.request.ask.trace, asks="the next fallback")
        return attempt.with_stand_in()


def _since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)
