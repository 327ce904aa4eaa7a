"""What running the cases of chains came to, as one value: to be printed, or written as JSON or JUnit's XML."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from xml.etree import ElementTree as ET

from chains.evaluation.cases import CaseResult
from pipeline.text.i18n import Catalogue, Sentence, in_language, load_sentences

_SHOWN = 60
# Neither XML nor any reader of it takes these.
_UNPRINTABLE = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 65534, 65535), "�")


@dataclass(frozen=True, slots=True)
class ChainReport:
    """One version of a chain with its cases; `error` says why it could not be tested."""

    name: str
    version: str
    """`draft`, `own` or `shipped`; `live` where that cannot be told."""
    revision: str
    model: str
    """The table of `[models]` it asks."""
    results: tuple[CaseResult, ...] = ()
    error: str = ""

    @property
    def answered_by(self) -> tuple[str, ...]:
        """Return what the providers call the models that answered."""
        return tuple(sorted({each.tried.model for each in self.results if each.tried.model and not each.tried.error}))

    @property
    def passed(self) -> int:
        """Return how many cases pass."""
        return sum(each.passed for each in self.results)

    @property
    def title(self) -> Sentence:
        """Return in one line what was tested."""
        version = version_word(self.version)
        if self.error:
            return Sentence("trial.title_broken", name=self.name, version=version)
        about: dict[str, object] = {
            "name": self.name,
            "version": version,
            "revision": self.revision,
            "model": self.model,
        }
        if not self.results:
            return Sentence("trial.title_no_cases", **about)
        by = ", ".join(self.answered_by)
        key = "trial.title" if by else "trial.title_unanswered"
        return Sentence(key, **about, passed=self.passed, cases=len(self.results), by=by)


@dataclass(frozen=True, slots=True)
class CasesReport:
    """All chains that were to be tested."""

    chains: tuple[ChainReport, ...]

    @property
    def results(self) -> Sequence[CaseResult]:
        """Return every case that was run."""
        return [result for chain in self.chains for result in chain.results]

    @property
    def broken(self) -> Sequence[ChainReport]:
        """Return the chains that could not be tested."""
        return [chain for chain in self.chains if chain.error]

    @property
    def failed(self) -> int:
        """Return how many cases failed."""
        return sum(not result.passed for result in self.results)

    @property
    def fine(self) -> bool:
        """Whether everything could be tested and passes."""
        return not self.failed and not self.broken

    def as_json(self) -> str:
        """Write it for programs."""
        document = {
            "passed": len(self.results) - self.failed,
            "failed": self.failed,
            "broken": len(self.broken),
            "chains": [
                {
                    "name": chain.name,
                    "version": chain.version,
                    "revision": chain.revision,
                    "model": chain.model,
                    "answered_by": list(chain.answered_by),
                    "error": chain.error,
                    "cases": [case_document(result) for result in chain.results],
                }
                for chain in self.chains
            ],
        }
        return json.dumps(document, ensure_ascii=False, indent=2)

    def as_junit(self) -> str:
        """Write it as JUnit's XML, which CI systems read."""
        counts = {"tests": len(self.results) + len(self.broken), "failures": self.failed, "errors": len(self.broken)}
        root = ET.Element("testsuites", {"name": "webot chains test", **_texts(counts)})
        for chain in self.chains:
            failures = sum(not result.passed for result in chain.results)
            tests = {"tests": len(chain.results) + bool(chain.error), "failures": failures}
            errors = {"errors": int(bool(chain.error))}
            seconds = sum(result.tried.milliseconds for result in chain.results) / 1000
            about = {"name": chain.name, **_texts(tests | errors), "time": f"{seconds:.3f}"}
            suite = ET.SubElement(root, "testsuite", about)
            properties = ET.SubElement(suite, "properties")
            by = ", ".join(chain.answered_by)
            for name, value in (
                ("version", chain.version),
                ("revision", chain.revision),
                ("model", chain.model),
                ("answered_by", by),
            ):
                ET.SubElement(properties, "property", {"name": name, "value": _clean(value)})
            if chain.error:
                case = ET.SubElement(suite, "testcase", {"classname": chain.name, "name": "file", "time": "0"})
                ET.SubElement(case, "error", {"message": _clean(chain.error)}).text = _clean(chain.error)
            for result in chain.results:
                _junit_case(suite, result)
        ET.indent(root)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def version_word(label: str) -> str:
    """Return what a version of a chain is called beside its name; a revision is called by its own name."""
    key = f"trial.version_{label.replace(' ', '_')}"
    return Sentence(key) if key in load_sentences("en") else label


def case_document(result: CaseResult, words: Catalogue | None = None) -> dict[str, object]:
    """Return a case with its answer, for programs: in English, or as a catalogue says it."""
    tried = result.tried
    return {
        "number": result.number,
        "input": result.case.input,
        "passed": result.passed,
        "faults": [fault if words is None else in_language(fault, words) for fault in result.faults],
        "answer": tried.text,
        "model": tried.model,
        "table": tried.table,
        "stood_in": tried.stood_in,
        "cut": tried.cut,
        "cached": tried.cached,
        "milliseconds": tried.milliseconds,
        "input_tokens": tried.input_tokens,
        "output_tokens": tried.output_tokens,
        "cost": tried.cost / 1_000_000,
        "tools": [asdict(use) for use in tried.tools],
    }


def _junit_case(suite: ET.Element, result: CaseResult) -> None:
    name = f"{result.number} {' '.join(result.case.input.split())[:_SHOWN]}"
    about = {
        "classname": result.chain,
        "name": _clean(name),
        "time": f"{result.tried.milliseconds / 1000:.3f}",
    }
    case = ET.SubElement(suite, "testcase", about)
    if not result.passed:
        failure = ET.SubElement(case, "failure", {"message": _clean("; ".join(result.faults))})
        failure.text = _clean("\n".join(result.faults))
    if result.tried.text:
        ET.SubElement(case, "system-out").text = _clean(f"{result.tried.model}: {result.tried.text}")


def _texts(counts: dict[str, int]) -> dict[str, str]:
    return {name: str(count) for name, count in counts.items()}


def _clean(text: str) -> str:
    return text.translate(_UNPRINTABLE)
