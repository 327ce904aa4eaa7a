"""What a chain tells its model: its own words with their blanks filled, its examples, the window, the question."""

from collections.abc import Mapping, Sequence
from typing import Any

from chains.catalog.config import ChainConfig
from chains.catalog.templates import TEXT, fill, values
from chains.models.tokens import fitting
from pipeline.answer import Exchange
from pipeline.ports import AnswerRequest
from pipeline.text.i18n import Catalogue

_COMMON = frozenset({"temperature", "top_p", "max_tokens", "stop"})
"""Options that mean the same to every model; another's may refuse all others, or mean something else by them."""

JSON: Mapping[str, Any] = {"response_format": {"type": "json_object"}}


def system_prompt(chain: ChainConfig, blanks: Mapping[str, str], catalogue: Catalogue, *, override: str = "") -> str:
    """Return the system prompt; `override` is somebody else's, word for word, which goes before the chain's own."""
    said = override or fill(chain.system_prompt, blanks)
    match chain.answer_format:
        case "markdown":
            return said
        case "text" | "json":
            return f"{said.rstrip()}\n\n{catalogue.text(f'chain.as_{chain.answer_format}')}".lstrip()


def question(chain: ChainConfig, text: str, blanks: Mapping[str, str]) -> str:
    """Return a person's words as the model gets them."""
    return fill(chain.template, {**blanks, TEXT: text}) if chain.template else text


def examples(chain: ChainConfig, blanks: Mapping[str, str]) -> tuple[Exchange, ...]:
    """Return the chain's examples, put to the model as questions are."""
    return tuple(Exchange(question(chain, each.user, blanks), each.assistant) for each in chain.examples)


def spoken_by(ask: AnswerRequest, question: str, catalogue: Catalogue) -> str:
    """Return a question as a group's transcript has it: with who asked it."""
    if not ask.event.group:
        return question
    return catalogue.text("group.said", user=ask.event.sender.user, text=question)


def history(chain: ChainConfig, exchanges: Sequence[Exchange]) -> tuple[Exchange, ...]:
    """Return as much of the window as fits."""
    return fitting(exchanges, chain.tokens)


def values_for(ask: AnswerRequest, chain: ChainConfig, catalogue: Catalogue) -> dict[str, str]:
    """Return what the chain's templates may name."""
    sender = ask.event.sender
    return values(user=sender.user, channel=sender.channel, chain=chain.name, at=ask.event.sent_at, catalogue=catalogue)


def own_options(chain: ChainConfig, *, model: str) -> Mapping[str, Any]:
    """Return the options of the chain, which are meant for its own model alone."""
    return chain.options if model == chain.model else {}


def shared_options(chain: ChainConfig, *, model: str) -> Mapping[str, Any]:
    """Return what the chain asks of any model that answers for it: its answer format, and what all models take."""
    common = {key: value for key, value in own_options(chain, model=model).items() if key in _COMMON}
    return {**(JSON if chain.answer_format == "json" else {}), **common}
