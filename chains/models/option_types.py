"""What options of models have to be: each option's type and bounds, and what of any value cannot be sent at all."""

import datetime as dt
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.text.i18n import Sentence
from pipeline.text.toml_locations import Path

Kind = Literal["number", "whole", "flag", "text", "texts", "table", "any"]


@dataclass(frozen=True, slots=True)
class OptionType:
    """What an option has to be, and within what bounds."""

    kind: Kind
    least: float | None = None
    most: float | None = None


_NUMBER, _WHOLE, _FLAG = OptionType("number"), OptionType("whole"), OptionType("flag")
_TEXT, _TABLE = OptionType("text"), OptionType("table")
_COUNT = OptionType("whole", least=1)
_FRACTION = OptionType("number", least=0, most=1)
_PENALTY = OptionType("number", least=-2, most=2)

OPTIONS: Mapping[str, OptionType] = {
    "chat_template_kwargs": _TABLE,
    "do_sample": _FLAG,
    "enable_search": _FLAG,
    "enable_thinking": _FLAG,
    "extra_body": _TABLE,
    "frequency_penalty": _PENALTY,
    "keep_alive": OptionType("any"),
    "logit_bias": _TABLE,
    "logprobs": _FLAG,
    "max_completion_tokens": _COUNT,
    "max_tokens": _COUNT,
    "metadata": _TABLE,
    "min_p": _FRACTION,
    "model_kwargs": _TABLE,
    "num_ctx": _COUNT,
    "num_predict": _WHOLE,
    "parallel_tool_calls": _FLAG,
    "presence_penalty": _PENALTY,
    "reasoning": OptionType("any"),
    "reasoning_effort": _TEXT,
    "repeat_penalty": OptionType("number", least=0),
    "repetition_penalty": OptionType("number", least=0),
    "response_format": _TABLE,
    "safety_settings": OptionType("any"),
    "seed": _WHOLE,
    "service_tier": _TEXT,
    "stop": OptionType("texts"),
    "temperature": OptionType("number", least=0),
    "thinking": OptionType("any"),
    "thinking_budget": _WHOLE,
    "top_k": OptionType("whole", least=-1),
    "top_logprobs": OptionType("whole", least=0),
    "top_p": _FRACTION,
    "verbosity": _TEXT,
}
"""The options that model servers share, by the names most of them have for them."""

PASSED_ON = frozenset({"n_predict", "user"})
"""Sent as they are; each looks like a key or an option of another name."""

_SHOWN = 60


def unfit_option(key: str, value: object, path: Path) -> Iterator[tuple[Path, Sentence]]:
    """Yield what is wrong with an option, or with the values in it, each with its path."""
    if (unfit := unfit_value(value, OPTIONS.get(key, OptionType("any")))) is not None:
        yield path, unfit
    else:
        yield from unsendable(value, path)


def unfit_value(value: object, wanted: OptionType) -> Sentence | None:
    """Return what is wrong with a value; None for nothing."""
    if isinstance(value, dt.date | dt.time):
        return Sentence("mistake.no_date")
    if isinstance(value, float) and not math.isfinite(value):
        return Sentence("mistake.not_finite", found=value)
    if not _is(value, wanted.kind):
        return Sentence("mistake.found", found=shown(value), wanted=Sentence(f"mistake.needs_{wanted.kind}"))
    if isinstance(value, int | float) and not isinstance(value, bool):
        if wanted.least is not None and value < wanted.least:
            least = Sentence("mistake.needs_least", least=f"{wanted.least:g}")
            return Sentence("mistake.found", found=value, wanted=least)
        if wanted.most is not None and value > wanted.most:
            return Sentence(
                "mistake.found", found=value, wanted=Sentence("mistake.needs_most", most=f"{wanted.most:g}")
            )
    return None


def _is(value: object, kind: Kind) -> bool:  # noqa: PLR0911 -- one line for each kind
    match kind:
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "whole":
            return isinstance(value, int) and not isinstance(value, bool)
        case "flag":
            return isinstance(value, bool)
        case "text":
            return isinstance(value, str)
        case "texts":
            return isinstance(value, str) or (
                isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
            )
        case "table":
            return isinstance(value, Mapping)
        case "any":
            return True


def unsendable(value: object, path: Path) -> Iterator[tuple[Path, Sentence]]:
    """Yield what cannot be sent of the values in a table or a list."""
    if isinstance(value, Mapping):
        inner = [((*path, str(key)), each) for key, each in value.items()]
    elif isinstance(value, list | tuple):
        inner = [((*path, place), each) for place, each in enumerate(value)]
    else:
        return
    for below, each in inner:
        if (wrong := unfit_value(each, OptionType("any"))) is not None:
            yield below, wrong
        yield from unsendable(each, below)


def shown(value: object) -> str:
    """Return a value as TOML has it, cut short."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
