"""The page docs/settings.md, written from the settings' own docstrings: `make docs`."""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from textwrap import dedent
from typing import get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from pipeline.settings import ChannelTable, ModelTable, Settings
from web.channel_kinds import KINDS, Kinds
from web.settings.layers import PREFIX
from web.settings.schema import FieldPlace, expected_value, model_in, toml_value

_INTRODUCTION = """\
# Settings

<!-- Written by `make docs` from the code; edit the docstrings there. -->

Every key has a default, so that an empty folder is a working set-up: the built-in simulator and the demo model.
`settings.toml` has them all with comments; leave it as it is and write what differs into a later layer:

| layer | for | in git |
|---|---|---|
| `settings.toml` | the defaults | yes |
| `settings.local.toml` | what is different on this machine | no |
| `.secrets.toml` | secrets | no |
| environment, `WEBOT_<TABLE>__<KEY>` | containers | |

A later layer wins, key by key: a table in it changes only the keys it names. A list is replaced whole. The files are
looked for in the working folder, or in the one `WEBOT_SETTINGS_DIR` names. In the environment text is taken as it
stands, without quotes; numbers, lists and inline tables are TOML.

`webot check` shows what holds in the end and which layer said so. What cannot be used is refused at the start, with
the file or variable, the place, what was found and what would be right.

A file that is edited while webot runs holds within a second, but for some keys:
[what needs a restart](operators.md#change-settings-while-it-runs).
"""

_OPEN_KEYS: Mapping[type[BaseModel], Mapping[str, tuple[str, str]]] = {
    ModelTable: {
        "size": ("text in quotes", "The size of a picture in pixels, such as 1024x1024; in `[models.image]`."),
        "quality": ("text in quotes", "The quality of a picture, in the provider's words; in `[models.image]`."),
        "language": ("text in quotes", "The language people speak, such as zh; in `[models.speech]`."),
        "speaking_model": ("text in quotes", "The model that reads answers aloud; in `[models.speech]`."),
        "voice": ("text in quotes", "The voice it reads with, such as alloy; in `[models.speech]`."),
        "any other": ("anything", "An option of the model, which reaches it as it is, such as `temperature`."),
    },
}


def manual(kinds: Kinds = KINDS) -> str:
    """Write the page: a section for each table, a row for each key."""
    return "\n".join([_INTRODUCTION, *_sections(kinds)])


def _sections(kinds: Kinds) -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        if get_origin(field.annotation) is not dict:
            yield from _section(name, field.annotation)
            continue
        of_each = get_args(field.annotation)[1]
        if of_each is not ChannelTable:
            yield from _section(f"{name}.<name>", of_each)
            continue
        for kind, own in kinds.items():
            yield from _section(f"{name}.<name>", own.settings, kind=kind)


def _section(table: str, annotation: object, *, kind: str = "", inside: bool = False) -> Iterator[str]:
    model = model_in(annotation)
    if model is None:
        return
    said = docstrings(model)
    yield f"## `[{table}]`{f' of kind `{kind}`' if kind else ''}\n"
    if not inside:
        yield f"In the environment `{PREFIX}{table.upper().replace('.', '__')}__<KEY>`.\n"
    yield "| key | takes | default | |\n|---|---|---|---|"
    inner: list[tuple[str, type[BaseModel]]] = []
    for key, field in model.model_fields.items():
        yield f"| `{key}` | {_takes(field)} | {_default(field)} | {_cell(said[key])} |"
        item = next((model_in(part) for part in get_args(field.annotation) if model_in(part)), None)
        if item is not None and item is not model:
            inner.append((key, item))
    for key, (takes, meaning) in _OPEN_KEYS.get(model, {}).items():
        yield f"| {key if ' ' in key else f'`{key}`'} | {takes} | | {meaning} |"
    yield ""
    for key, item in inner:
        yield from _section(f"{table}.{key}", item, inside=True)


def docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Read what stands under each field of a model, those of its bases included."""
    said: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if not issubclass(owner, BaseModel) or owner is BaseModel:
            continue
        (tree,) = ast.parse(dedent(inspect.getsource(owner))).body
        body = tree.body if isinstance(tree, ast.ClassDef) else []
        for field, text in pairwise(body):
            match field, text:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(words))),
                ):
                    said[name] = " ".join(words.split())
                case _:
                    pass
    return said


def _takes(field: FieldInfo) -> str:
    slot = FieldPlace(field.annotation, field.metadata)
    return _cell(f"{expected_value(slot)}, a secret" if slot.is_secret else expected_value(slot))


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, tuple):
        value = [item.model_dump(exclude_unset=True) if isinstance(item, BaseModel) else item for item in value]
    return _cell(f"`{toml_value(value)}`")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(manual())
