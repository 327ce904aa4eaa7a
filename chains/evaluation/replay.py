"""Real questions put to two versions of a chain: what changes, what it costs, how long it takes."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from chains.catalog.config import ChainConfig
from chains.evaluation.completion_order import in_completion_order
from chains.evaluation.tester import ChainTester, TrialAnswer, describe_use
from chains.evaluation.text_differences import differences
from chains.models.prices import money
from pipeline.answer import Exchange
from pipeline.text.i18n import Catalogue, Sentence, in_language
from pipeline.text.privacy import Masker

_STYLE = """body{font:15px/1.6 system-ui,"PingFang SC","Microsoft YaHei",sans-serif;margin:2rem auto;max-width:72rem;
padding:0 1rem;color:#1f2328;background:#fff}h2{font-size:1rem;margin:2rem 0 .3rem}table{border-collapse:collapse;
width:100%;table-layout:fixed}td,th{border:1px solid #d0d7de;padding:.5rem .7rem;vertical-align:top;text-align:left;
white-space:pre-wrap;overflow-wrap:anywhere}del{background:#ffd7d5;text-decoration:none}ins{background:#ccffd8;
text-decoration:none}small{color:#59636e}.same{color:#59636e}@media(prefers-color-scheme:dark){body{background:#0d1117;
color:#e6edf3}td,th{border-color:#30363d}del{background:#67060c}ins{background:#033a16}}"""


@dataclass(frozen=True, slots=True)
class ReplayQuestion:
    """A question somebody asked, masked, with what was said before it."""

    trace: int
    text: str
    before: tuple[Exchange, ...] = ()


@dataclass(frozen=True, slots=True)
class ComparedAnswers:
    """What two versions answer to one question."""

    question: ReplayQuestion
    live: TrialAnswer
    draft: TrialAnswer

    @property
    def unfit(self) -> bool:
        """Whether one of them is another model's, or not whole, so that nothing can be said of the versions."""
        return bool(self.live.unfit or self.draft.unfit)

    @property
    def changed(self) -> bool:
        """Whether the versions say different things."""
        return not self.unfit and (self.live.text, self.live.error) != (self.draft.text, self.draft.error)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Return why the answers cannot be compared, the draft's first; nothing where they can be."""
        both = (self.draft, self.live)
        return tuple(said for each in both for said in (*([each.error] if each.error else []), *each.unfit))


def masked_question(trace: int, text: str, before: Sequence[Exchange]) -> ReplayQuestion:
    """Return a question that may be shown and sent again."""
    mask = Masker()
    return ReplayQuestion(trace, mask(text), tuple(Exchange(mask(each.question), mask(each.answer)) for each in before))


def replay(
    trier: ChainTester, live: ChainConfig, draft: ChainConfig, questions: Sequence[ReplayQuestion]
) -> AsyncGenerator[ComparedAnswers]:
    """Ask both versions every question and yield each pair as it is complete."""

    async def compare(question: ReplayQuestion) -> ComparedAnswers:
        return ComparedAnswers(
            question,
            *await asyncio.gather(
                trier.ask(live, question.text, question.before), trier.ask(draft, question.text, question.before)
            ),
        )

    return in_completion_order(map(compare, questions))


@dataclass(frozen=True, slots=True)
class AnswerTotals:
    """What one version's answers come to; `milliseconds` is the median.

    Tokens, tools, cost and time are of the answers that its model gave, and gave whole: `unfit` counts the others.
    """

    answers: int
    errors: int
    unfit: int
    tools: int
    input_tokens: int
    output_tokens: int
    cost: int
    milliseconds: int


def add_up(tried: Sequence[TrialAnswer]) -> AnswerTotals:
    """Add answers up."""
    own = [each for each in tried if not each.unfit]
    times = sorted(each.milliseconds for each in own)
    return AnswerTotals(
        answers=len(tried),
        errors=sum(bool(each.error) for each in tried),
        unfit=len(tried) - len(own),
        tools=sum(len(each.tools) for each in own),
        input_tokens=sum(each.input_tokens for each in own),
        output_tokens=sum(each.output_tokens for each in own),
        cost=sum(each.cost for each in own),
        milliseconds=times[len(times) // 2] if times else 0,
    )


def page(
    chain: str,
    revisions: tuple[str, str],
    compared: Sequence[ComparedAnswers],
    cases: Sequence[str] = (),
    *,
    words: Catalogue,
    currency: str = "",
) -> str:
    """Write the report as one page that needs nothing from anywhere."""
    live, draft = add_up([each.live for each in compared]), add_up([each.draft for each in compared])
    changed = in_language(changed_line(compared), words)
    heads = "".join(f"<th>{escape(head)}" for head in sum_heads(words, currency))
    return "\n".join(
        (
            "<!doctype html>",
            f'<html lang="{words.language}"><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width">',
            f"<title>{escape(words.text('trial.page_title', name=chain))}</title><style>{_STYLE}</style>",
            f"<h1>{escape(words.text('trial.page_heading', name=chain, changed=changed))}</h1>",
            f"<table><tr><th>{heads}</tr>",
            *(
                f"<tr><th>{escape(words.text(f'trial.version_{label}'))} {escape(revision)}"
                f"<td>{each.answers}<td>{each.errors}<td>{each.unfit}<td>{each.tools}"
                f"<td>{each.input_tokens}<td>{each.output_tokens}<td>{escape(money(each.cost))}<td>{each.milliseconds}</tr>"
                for label, revision, each in (("live", revisions[0], live), ("draft", revisions[1], draft))
            ),
            "</table>",
            *(f"<p>{escape(line)}</p>" for line in cases),
            *(
                line
                for each in sorted(compared, key=lambda one: (not one.changed, not one.unfit))
                for line in _row(each, words)
            ),
            "</html>",
        )
    )


def changed_line(compared: Sequence[ComparedAnswers]) -> Sentence:
    """Return in one line how many answers changed, and how many say nothing of that."""
    unfit = sum(each.unfit for each in compared)
    said = Sentence("trial.changed", changed=sum(each.changed for each in compared), answers=len(compared))
    return Sentence("trial.changed_beside", said=said, unfit=unfit) if unfit else said


def sum_heads(words: Catalogue, currency: str) -> tuple[str, ...]:
    """Return the heads of what `AnswerTotals` says, in its order."""
    heads = ("answers", "errors", "unfit", "tools", "input_tokens", "output_tokens", "cost", "milliseconds")
    return tuple(words.text(f"trial.head_{head}", currency=currency).strip() for head in heads)


def _row(compared: ComparedAnswers, words: Catalogue) -> Iterator[str]:
    yield f"<h2>{escape(compared.question.text)} <small>#{compared.question.trace}</small></h2>"
    live, draft = compared.live, compared.draft
    if not compared.unfit and not compared.changed and _comparable_uses(live) == _comparable_uses(draft):
        yield f'<table class="same"><tr><td>{escape(_said(live, words))}{_notes(live, words)}</tr></table>'
        return
    before, after = mark_differences(_said(live, words), _said(draft, words))
    yield f"<table><tr><td>{before}{_notes(live, words)}<td>{after}{_notes(draft, words)}</tr></table>"


def _comparable_uses(tried: TrialAnswer) -> list[tuple[str, str, str]]:
    """Return what of its tools can be the same a second time."""
    return [(use.name, use.arguments, use.outcome) for use in tried.tools]


def _notes(tried: TrialAnswer, words: Catalogue) -> str:
    """Return what is to be known of an answer beside its words."""
    unfit = "".join(f"\n<strong>{escape(in_language(said, words))}</strong>" for said in tried.unfit)
    uses = (in_language(describe_use(use), words) for use in tried.tools)
    return unfit + "".join(f"\n<small>{escape(use)}</small>" for use in uses)


def mark_differences(before: str, after: str) -> tuple[str, str]:
    """Return two texts as HTML in which what only one of them says is marked."""
    left, right = [], []
    for same, gone, come in differences(before, after):
        left.append(escape(same) or (f"<del>{escape(gone)}</del>" if gone else ""))
        right.append(escape(same) or (f"<ins>{escape(come)}</ins>" if come else ""))
    return "".join(left), "".join(right)


def _said(tried: TrialAnswer, words: Catalogue) -> str:
    return in_language(tried.error, words) or tried.text
