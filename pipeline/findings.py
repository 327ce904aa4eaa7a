"""What the doctor finds, one value a check, told in the language of the settings."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.text.i18n import Catalogue, error_text, in_language
from pipeline.text.stored_sentences import stored_in_language

State = Literal["well", "ill", "doubtful", "unchecked"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `about` names the channel or model it is of, `fix` is what to do when it is ill or doubtful."""

    state: State
    check: str
    about: str
    title: str
    says: str
    fix: str = ""


def finding_line(finding: Finding, catalogue: Catalogue) -> str:
    """Return what a finding says on one line, in the language that it was made in."""
    line = catalogue.text("doctor.line", title=finding.title, says=finding.says)
    return f"{finding.about} · {line}" if finding.about else line


class FindingFactory:
    """Puts findings into words, secrets masked."""

    def __init__(self, catalogue: Catalogue, redact: Callable[[str], str], about: str = "") -> None:
        self._catalogue = catalogue
        self._redact = redact
        self._about = about

    def of(self, about: str) -> "FindingFactory":
        """Return the teller for one channel or model."""
        return FindingFactory(self._catalogue, self._redact, about)

    def ok(self, check: str, sentence: str, **values: object) -> Finding:
        """Return a finding that all is well."""
        return self._finding("well", check, sentence, "", values)

    def failed(self, check: str, sentence: str, fix: str, **values: object) -> Finding:
        """Return what is wrong, and with another sentence what puts it right."""
        return self._finding("ill", check, sentence, fix, values)

    def warning(self, check: str, sentence: str, fix: str = "", **values: object) -> Finding:
        """Return what works but is worth a look."""
        return self._finding("doubtful", check, sentence, fix, values)

    def skipped(self, check: str, sentence: str, **values: object) -> Finding:
        """Return why something was not looked at."""
        return self._finding("unchecked", check, sentence, "", values)

    def text(self, sentence: str, **values: object) -> str:
        """Return a sentence of the doctor's."""
        said = {name: self._said(value) for name, value in values.items()}
        return self._redact(self._catalogue.text(f"doctor.{sentence}", **said))

    def listed(self, problems: Sequence[str]) -> str:
        """Return problems as they follow a colon: a single one beside it, several on a line each."""
        said = [in_language(problem, self._catalogue) for problem in problems]
        return said[0] if len(said) == 1 else "".join(f"\n      {each}" for each in said)

    def joined(self, problems: Iterable[str]) -> str:
        """Return problems on one line."""
        return self._catalogue.text("doctor.semicolon").join(
            in_language(problem, self._catalogue) for problem in problems
        )

    def _said(self, value: object) -> object:
        if isinstance(value, BaseException):
            return error_text(value, self._catalogue)
        return stored_in_language(value, self._catalogue) if isinstance(value, str) else value

    def _finding(self, state: State, check: str, sentence: str, fix: str, values: dict[str, object]) -> Finding:
        return Finding(
            state,
            check,
            self._about,
            self.text(f"subject_{check}"),
            self.text(sentence, **values),
            self.text(fix, **values) if fix else "",
        )
