"""What a chain tells its model: its own words with their blanks filled, its examples, the window, the question."""

from collections.abc import Mapping, Sequence
from typing import Any

from chains.catalog.config import ChainConfig
from chains.catalog.templates import TEXT, fill, values
from chains.models.tokens import fitting
from pipeline.answer import Exchange
from pipeline.ports import AnswerRequest
from pipeline.text.i18n import Catalogue

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


def options(chain: ChainConfig, *, model: str) -> dict[str, Any]:
    """Return what the chain asks of a model: its answer format, and its own model's options of that one alone.

    Another provider's model may refuse them, or mean something else by them.
    """
    return {
        **(JSON if chain.answer_format == "json" else {}),
        **(chain.options if model == chain.model else {}),
    }
