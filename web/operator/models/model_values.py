"""The keys of a model's table as people and programs edit them; what is secret among them is masked."""

import tomllib
from collections.abc import Mapping

from pipeline.errors import SettingsInvalid
from pipeline.settings import ModelTable
from pipeline.text.i18n import Sentence
from pipeline.text.toml_syntax import explain_syntax, parse_toml
from web.logs.redaction import MASK
from web.logs.secret_places import mask_setting
from web.settings.settings_edit import Value

TEXTS = ("provider", "model", "base_url", "title", "about")
LISTS = ("fallbacks", "users")
COUNTS = ("max_retries", "requests_per_minute", "tokens_per_minute")
NUMBERS = ("timeout", "input_price", "cached_input_price", "output_price", "call_price")
SWITCHES = ("vision",)
KEY = "api_key"
EDITED = (*TEXTS, *LISTS, *COUNTS, *NUMBERS, *SWITCHES)
"""Every key of the table but the secret one; options of the model come beside them."""


def values_of(table: ModelTable) -> dict[str, Value]:
    """Return the keys of a table that can be edited, the secret one excepted, which nobody is shown."""
    return {key: _shown(key, getattr(table, key), loose=False) for key in EDITED}


def options_of(table: ModelTable) -> dict[str, Value]:
    """Return the options of a table, which reach the model as they are; what is secret in them is masked."""
    return {key: _shown(key, value, loose=True) for key, value in table.own.items()}


def is_secret_option(key: str, value: Value) -> bool:
    """Whether an option holds a secret, so that it belongs in .secrets.toml."""
    return _shown(key, value, loose=True) != value


def is_masked(value: object) -> bool:
    """Whether a value is one that was shown masked, or holds one."""
    match value:
        case Mapping():
            return any(map(is_masked, value.values()))
        case list():
            return any(map(is_masked, value))
        case _:
            return MASK in str(value)


def read_value(key: str, text: str) -> Value:
    """Read what was typed for a key: a list is parted by commas or spaces.

    Raises:
        SettingsInvalid: a number is none.
    """
    if key in LISTS:
        return text.replace("，", ",").replace(",", " ").split()
    return read_number(text) if key in {*NUMBERS, *COUNTS} else text


def read_number(text: str) -> Value:
    """Read a number that was typed, a whole one as such.

    Raises:
        SettingsInvalid: it is none.
    """
    try:
        number = float(text)
    except ValueError:
        raise SettingsInvalid([Sentence("console.models_no_number", found=text)]) from None
    return int(number) if number.is_integer() else number


def read_options(text: str) -> dict[str, Value]:
    """Read options that were typed as lines of TOML.

    Raises:
        SettingsInvalid: they are none; the line is named.
    """
    try:
        return parse_toml(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        line, problem = explain_syntax(error, text, private=True)
        raise SettingsInvalid([Sentence("console.models_options_bad", line=line, said=problem)]) from None


def read_option(text: str) -> tuple[str, Value]:
    """Read an option that was typed as `key=value`; the value is TOML, and text when it is not.

    Raises:
        SettingsInvalid: it has no key.
    """
    key, equals, value = text.partition("=")
    if not key.strip() or not equals:
        raise SettingsInvalid([Sentence("shell.model_no_key", found=text)])
    try:
        return key.strip(), parse_toml(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def _shown(key: str, value: object, *, loose: bool) -> Value:
    return _plain(mask_setting(key, value, loose=loose))


def _plain(value: object) -> Value:
    match value:
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case tuple() | list():
            return [_plain(item) for item in value]
        case bool() | int() | float():
            return value
        case _:
            return str(value)
