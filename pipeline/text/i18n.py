"""The sentences webot says to people, by key, in Chinese or English.

A catalogue is a TOML file of `key = "sentence"`; `{name}` in a sentence is filled in when it is said.
"""

import errno
import string
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache, reduce
from importlib.resources import files
from typing import Literal, Self

Language = Literal["zh", "en"]

_REASONS = {
    errno.ENOENT: "os.missing",
    errno.EACCES: "os.denied",
    errno.EPERM: "os.denied",
    errno.EISDIR: "os.is_folder",
    errno.ENOTDIR: "os.no_folder",
    errno.EEXIST: "os.exists",
    errno.ENOTEMPTY: "os.not_empty",
    errno.ENOSPC: "os.full",
    errno.EDQUOT: "os.full",
    errno.EROFS: "os.read_only",
    errno.ENAMETOOLONG: "os.too_long",
    errno.ELOOP: "os.circle",
    errno.EMFILE: "os.too_many_files",
    errno.ENFILE: "os.too_many_files",
    errno.EIO: "os.broken",
    errno.EADDRINUSE: "os.address_in_use",
    errno.EADDRNOTAVAIL: "os.no_such_address",
    errno.ECONNREFUSED: "os.connection_refused",
    errno.ECONNRESET: "os.connection_reset",
    errno.EHOSTUNREACH: "os.unreachable",
    errno.ENETUNREACH: "os.unreachable",
    errno.ETIMEDOUT: "os.timeout",
}


class _Blanks(string.Formatter):
    """Fills blanks; `{count:file/files}` becomes the first word where the count is 1, else the second."""

    def format_field(self, value: object, format_spec: str) -> str:
        one, slash, more = format_spec.partition("/")
        if slash:
            return one if str(value) == "1" else more
        return str(super().format_field(value, format_spec))


_BLANKS = _Blanks()


def _filled(sentence: str, values: Mapping[str, object]) -> str:
    # The formatter in Python takes ten times as long, and few sentences count anything.
    return _BLANKS.vformat(sentence, (), values) if "/" in sentence else sentence.format_map(values)


class Catalogue:
    """One language's sentences."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._sentences = load_sentences(language)

    def has(self, key: str) -> bool:
        """Whether there is a sentence of this key."""
        return key in self._sentences

    def text(self, key: str, /, **values: object) -> str:
        """Return the sentence with its blanks filled; a key no catalogue has is a `KeyError`."""
        return _filled(self._sentences[key], values)


@cache
def load_sentences(language: Language) -> dict[str, str]:
    """Read every sentence of one language."""
    text = files("pipeline").joinpath(f"catalogues/{language}.toml").read_text(encoding="utf-8")
    return {
        f"{table}.{key}": sentence
        for table, sentences in tomllib.loads(text).items()
        for key, sentence in sentences.items()
    }


class Sentence(str):
    """A sentence of the catalogue as English text, which can still be said in another language.

    Errors and log lines take it as the text it is; who shows it to people says it by `in_language`.
    """

    __slots__ = ("key", "values")
    key: str
    values: dict[str, object]

    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, object]]:
        """Return what makes it again where it is copied, or sent to another process."""
        return (self.key,), self.values

    def __new__(cls, key: str, /, **values: object) -> Self:
        """Fill the blanks of a sentence; a blank may be filled with another sentence."""
        made = super().__new__(cls, _filled(load_sentences("en")[key], values))
        made.key, made.values = key, values
        return made


def in_language(text: str, catalogue: Catalogue) -> str:
    """Return a text as a catalogue says it; one that is no sentence of the catalogue stays as it is."""
    if not isinstance(text, Sentence):
        return text
    values = {
        name: in_language(value, catalogue) if isinstance(value, str) else value for name, value in text.values.items()
    }
    return catalogue.text(text.key, **values)


def os_reason(error: OSError) -> str:
    """Return why the system refused something, which people read in their language where the reason is a known one."""
    key = _REASONS.get(error.errno or 0)
    return Sentence(key) if key else error.strerror or str(error) or type(error).__name__


def error_text(error: BaseException, catalogue: Catalogue) -> str:
    """Return what an error says, in the language of a catalogue; settings and chains say a line for each problem."""
    problems = getattr(error, "problems", error.args[:1])
    return "\n".join(in_language(each, catalogue) if isinstance(each, str) else str(each) for each in problems)


def joined_sentences(problems: Sequence[str]) -> str:
    """Return problems line by line as one text, which can still be said in another language."""
    said = problems[0] if problems else ""
    for each in problems[1:]:
        said = Sentence("mistake.and", first=said, second=each)
    return said


def listed_sentences(troubles: Mapping[str, str]) -> str:
    """Return by their names what troubles some, as one text, which can still be said in another language."""
    said = [Sentence("reason.of_name", name=name, said=trouble) for name, trouble in troubles.items() if trouble]
    return reduce(lambda first, second: Sentence("reason.also", first=first, second=second), said) if said else ""


# Said by whoever checks something, which may be the event loop: that reads no files.
load_sentences("en")
