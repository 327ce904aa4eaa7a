"""The pages docs/settings.md and settings.zh-CN.md: `make docs` writes them from the settings' docstrings.

The Chinese meanings are in reference.zh.toml.
"""

import ast
import inspect
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from textwrap import dedent
from typing import get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from pipeline.settings import ChannelTable, ModelTable, Settings
from pipeline.text.i18n import Catalogue, Language, Sentence, in_language
from web.channel_kinds import KINDS, Kinds
from web.settings.places import PREFIX
from web.settings.schema import FieldPlace, expected_value, model_in, toml_value

_ENGLISH = """\
# Settings

[中文](settings.zh-CN.md)

<!-- Written by `make docs` from the code; edit the docstrings there. -->

Every key has a default, so webot also runs in an empty folder, with the built-in simulator and the demo model.
`settings.toml` lists all of them with comments; leave it as it is and write what you change into a later layer:

| layer | for | in git |
|---|---|---|
| `settings.toml` | the defaults | yes |
| `settings.local.toml` | what is different on this machine | no |
| `.secrets.toml` | secrets | no |
| environment, `WEBOT_<TABLE>__<KEY>` | containers | |

A later layer takes precedence, key by key: a table in it changes only the keys it names. A list is replaced as a
whole. The files are read from the working folder, or from the folder that `WEBOT_SETTINGS_DIR` names. In environment
variables, write text without quotes; numbers, lists and inline tables are written as in TOML.

`webot check` shows the values in force and the layer each comes from. If a value cannot be used, webot does not
start, and says where it stands, what was found and what would be right.

Edits made while webot runs take effect within a second, except for a few keys:
[what needs a restart](operators.md#change-settings-while-it-runs).
"""

_CHINESE = """\
# 设置

[English](settings.md)

<!-- Written by `make docs` from the code and web/settings/reference.zh.toml. -->

每个键都有默认值，所以空文件夹也能直接运行：内置的模拟器加演示模型。`settings.toml` 列出全部键并附有注释；请不要改它，
把不同的写进后面的层：

| 层 | 用途 | 进 git |
|---|---|---|
| `settings.toml` | 默认值 | 是 |
| `settings.local.toml` | 这台机器上的不同之处 | 否 |
| `.secrets.toml` | 密钥 | 否 |
| 环境变量 `WEBOT_<TABLE>__<KEY>` | 容器 | |

后面的层逐键覆盖前面的：一张表只改它写到的键，列表则整个替换。文件在工作目录里找，或者在
`WEBOT_SETTINGS_DIR` 指定的目录里找。
环境变量里的文字照原样使用，不加引号；数字、列表和内联表按 TOML 书写。

`webot check` 显示最终生效的值和它来自哪一层。不能用的设置在启动时拒绝，并指出文件或变量、位置、现在的内容和正确的写法。

运行中修改文件，一秒之内生效；少数键除外，见[哪些需要重启](operators.zh-CN.md#运行中修改设置)。
"""

_OPEN_KEYS: Mapping[type[BaseModel], Mapping[str, tuple[str, str]]] = {
    ModelTable: {
        "size": ("a_quoted_text", "The size of a picture in pixels, such as 1024x1024; in `[models.image]`."),
        "quality": ("a_quoted_text", "The quality of a picture, in the provider's words; in `[models.image]`."),
        "language": ("a_quoted_text", "The language people speak, such as zh; in `[models.speech]`."),
        "speaking_model": ("a_quoted_text", "The model that reads answers aloud; in `[models.speech]`."),
        "voice": ("a_quoted_text", "The voice it reads with, such as alloy; in `[models.speech]`."),
        "any other": ("anything", "An option of the model, sent unchanged, such as `temperature`."),
    },
}


Meanings = Mapping[str, Mapping[str, str]]
"""What each key means, by the section of the page it stands in."""


@dataclass(frozen=True, slots=True)
class _Wording:
    """What the page says around the tables, in one language."""

    introduction: str
    of_kind: str
    environment: str
    header: str


_WORDING: Mapping[Language, _Wording] = {
    "en": _Wording(_ENGLISH, " of kind `{kind}`", "In the environment `{name}`.", "| key | takes | default | |"),
    "zh": _Wording(_CHINESE, "，类型 `{kind}`", "环境变量 `{name}`。", "| 键 | 取值 | 默认值 | |"),
}


def manual(language: Language = "en", kinds: Kinds = KINDS) -> str:
    """Return the page: a section for each table, a row for each key."""
    page = _Page(_WORDING[language], Catalogue(language), chinese_meanings() if language == "zh" else None)
    return "\n".join([page.wording.introduction, *page.sections(kinds)])


def chinese_meanings() -> Meanings:
    """Read what each key means from reference.zh.toml."""
    return tomllib.loads(files("web.settings").joinpath("reference.zh.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class _Page:
    """The page in one language; the English meanings are the docstrings."""

    wording: _Wording
    catalogue: Catalogue
    meanings: Meanings | None

    def sections(self, kinds: Kinds) -> Iterator[str]:
        for name, field in Settings.model_fields.items():
            if get_origin(field.annotation) is not dict:
                yield from self._section(name, name, field.annotation)
                continue
            of_each = get_args(field.annotation)[1]
            if of_each is not ChannelTable:
                yield from self._section(f"{name}.<name>", name, of_each)
                continue
            for kind, own in kinds.items():
                yield from self._section(f"{name}.<name>", f"{name}.{kind}", own.settings, kind=kind)

    def _section(
        self, table: str, meant: str, annotation: object, *, kind: str = "", inside: bool = False
    ) -> Iterator[str]:
        model = model_in(annotation)
        if model is None:
            return
        said = docstrings(model) if self.meanings is None else self.meanings[meant]
        yield f"## `[{table}]`{self.wording.of_kind.format(kind=kind) if kind else ''}\n"
        if not inside:
            yield self.wording.environment.format(name=f"{PREFIX}{table.upper().replace('.', '__')}__<KEY>") + "\n"
        yield f"{self.wording.header}\n|---|---|---|---|"
        inner: list[tuple[str, type[BaseModel]]] = []
        for key, field in model.model_fields.items():
            yield f"| `{key}` | {self._takes(field)} | {self._default(field)} | {_cell(said[key])} |"
            item = next((model_in(part) for part in get_args(field.annotation) if model_in(part)), None)
            if item is not None and item is not model:
                inner.append((key, item))
        for key, (takes, meaning) in _OPEN_KEYS.get(model, {}).items():
            named = in_language(Sentence("setting.any_other"), self.catalogue) if key == "any other" else f"`{key}`"
            wanted = in_language(Sentence(f"setting.{takes}"), self.catalogue)
            yield f"| {named} | {wanted} | | {meaning if self.meanings is None else said[key]} |"
        yield ""
        for key, item in inner:
            yield from self._section(f"{table}.{key}", f"{meant}.{key}", item, inside=True)

    def _takes(self, field: FieldInfo) -> str:
        place = FieldPlace(field.annotation, field.metadata)
        wanted = expected_value(place)
        if place.is_secret:
            wanted = Sentence("setting.a_secret", wanted=wanted)
        return _cell(in_language(wanted, self.catalogue).strip())

    def _default(self, field: FieldInfo) -> str:
        if field.is_required():
            return self.catalogue.text("setting.needed")
        value = field.default
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if isinstance(value, tuple):
            value = [item.model_dump(exclude_unset=True) if isinstance(item, BaseModel) else item for item in value]
        return _cell(f"`{toml_value(value)}`")


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


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(manual("zh" if "zh" in sys.argv else "en"))
