"""What a chain's `[options]` may say: each option's type and place, looked at before a model is asked."""

from collections.abc import Iterator, Mapping
from typing import Any

from chains.models.option_types import OPTIONS, PASSED_ON, unfit_option
from chains.models.tables import OUR_OWN
from pipeline.settings import ModelTable
from pipeline.text.i18n import Sentence
from pipeline.text.phrases import nearest
from pipeline.text.toml_locations import Path

# Ways in which an address, a key or a bound on time is written for other programs.
_OTHER_NAMES = frozenset(
    {"apikey", "api_base", "endpoint", "http_client", "key", "openai_api_base", "openai_api_key", "openai_proxy"}
    | {"organization", "proxy", "request_timeout", "secret", "url", "default_headers", "headers"}
)
_INSIDE = ("extra_body", "model_kwargs")
# In a table of another's words, only what no server would call one of its own options.
_UNMISTAKABLE = frozenset(
    {"aliases", "answer_format", "chooser", "hands_to", "idle_minutes", "keywords", "system_prompt", "turns", "welcome"}
)
_ALIKE = 0.85


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
        else:
            yield from unfit_option(key, value, path)
        if key in _INSIDE and isinstance(value, Mapping):
            for inner in value.keys() & _UNMISTAKABLE:
                yield (*path, inner), Sentence("mistake.after_table", table=f"[options.{key}]")
            for inner in value.keys() & OUR_OWN:
                yield (*path, inner), Sentence("mistake.option_ours")


def unknown_options(options: Mapping[str, Any]) -> Iterator[tuple[Path, Sentence]]:
    """Yield the options that webot knows nothing of and passes on."""
    return ((("options", key), Sentence("mistake.option_sent")) for key in options if key not in OPTIONS)


def _misplaced(key: str, keys: frozenset[str]) -> Sentence | None:  # noqa: PLR0911 -- one sentence for each place
    if key in OPTIONS or key in PASSED_ON:
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
