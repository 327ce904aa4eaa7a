"""What a chain's `[options]` may say: each option's type and place, looked at before a model is asked."""

import datetime as dt
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chains.models.tables import OUR_OWN
from pipeline.settings import ModelTable
from pipeline.text.i18n import Sentence
from pipeline.text.phrases import nearest
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

# Ways in which an address, a key or a bound on time is written for other programs.
_OTHER_NAMES = frozenset(
    {"apikey", "api_base", "endpoint", "http_client", "key", "openai_api_base", "openai_api_key", "openai_proxy"}
    | {"organization", "proxy", "request_timeout", "secret", "url", "default_headers", "headers"}
)
# Sent as they are; each looks like a key of a chain.
_PASSED_ON = frozenset({"user"})
_INSIDE = ("extra_body", "model_kwargs")
# In a table of another's words, only what no server would call one of its own options.
_UNMISTAKABLE = frozenset(
    {"aliases", "answer_format", "chooser", "hands_to", "idle_minutes", "keywords", "system_prompt", "turns", "welcome"}
)
_ALIKE = 0.85
_SHOWN = 60


def in_settings(key: str, keys: frozenset[str]) -> bool:
    """Whether a key belongs in the table `[models.<name>]`, and is none of a chain's own `keys`."""
    wanted = key.lower().replace("-", "_")
    return wanted not in keys and (wanted in ModelTable.model_fields or wanted in _OTHER_NAMES)


def option_problems(options: Mapping[str, Any], keys: frozenset[str]) -> Iterator[tuple[Path, Sentence]]:
    """Yield what is wrong with a chain's options, each with its path; `keys` are those a chain itself has."""
    for key, value in options.items():
        path: Path = ("options", key)
        if (wrong := _misplaced(key, keys)) is not None:
            yield path, wrong
        elif (unfit := _unfit(value, OPTIONS.get(key, OptionType("any")))) is not None:
            yield path, unfit
        else:
            yield from _inside(value, path)
        if key in _INSIDE and isinstance(value, Mapping):
            for inner in value.keys() & _UNMISTAKABLE:
                yield (*path, inner), Sentence("mistake.after_table", table=f"[options.{key}]")
            for inner in value.keys() & OUR_OWN:
                yield (*path, inner), Sentence("mistake.option_ours")


def unknown_options(options: Mapping[str, Any]) -> Iterator[tuple[Path, Sentence]]:
    """Yield the options that webot knows nothing of and passes on."""
    return ((("options", key), Sentence("mistake.option_sent")) for key in options if key not in OPTIONS)


def _misplaced(key: str, keys: frozenset[str]) -> Sentence | None:  # noqa: PLR0911 -- one sentence for each place
    if key in OPTIONS or key in _PASSED_ON:
        return None
    wanted = key.lower().replace("-", "_")
    if wanted in keys:
        return Sentence("mistake.after_table", table="[options]")
    if key in OUR_OWN or wanted in {"functions", "tool_choice"}:
        return Sentence("mistake.option_ours")
    if in_settings(key, keys):
        return Sentence("mistake.in_models")
    near = nearest(wanted, [*OPTIONS, *keys, *ModelTable.model_fields], alike=_ALIKE)
    if near in OPTIONS:
        return Sentence("mistake.option_near", near=near)
    if near in keys:
        return Sentence("mistake.after_table_near", near=near, table="[options]")
    return Sentence("mistake.in_models") if near else None


def _unfit(value: object, wanted: OptionType) -> Sentence | None:
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


def _inside(value: object, path: Path) -> Iterator[tuple[Path, Sentence]]:
    """Yield what cannot be sent of the values in a table or a list."""
    if isinstance(value, Mapping):
        inner = [((*path, str(key)), each) for key, each in value.items()]
    elif isinstance(value, list | tuple):
        inner = [((*path, place), each) for place, each in enumerate(value)]
    else:
        return
    for below, each in inner:
        if (wrong := _unfit(each, OptionType("any"))) is not None:
            yield below, wrong
        yield from _inside(each, below)


def shown(value: object) -> str:
    """Return a value as TOML has it, cut short."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
