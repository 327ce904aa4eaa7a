"""What comes of a trial, as programs and pages get it."""

from typing import Any

from chains.conversation.request import ModelRequest
from chains.evaluation.tester import TrialAnswer
from chains.models.prices import MILLION
from pipeline.text.i18n import Catalogue, in_language
from web.operator.chains.replaying import ReplayedQuestion
from web.operator.chains.workspace import ChainWorkspace


def answer_document(tried: TrialAnswer, workspace: ChainWorkspace, words: Catalogue) -> dict[str, Any]:
    """Return what came of a question, as a catalogue says it."""
    return {
        "text": tried.text,
        "error": in_language(tried.error, words),
        "model": tried.model,
        "table": tried.table,
        "asked": tried.asked,
        "stood_in": tried.stood_in,
        "cut": tried.cut,
        "faults": [] if tried.error else [in_language(fault, words) for fault in tried.unfit],
        "cached": tried.cached,
        "milliseconds": tried.milliseconds,
        "first_milliseconds": tried.first_milliseconds,
        "input_tokens": tried.input_tokens,
        "output_tokens": tried.output_tokens,
        "cost": tried.cost / MILLION,
        "currency": workspace.settings.budgets.currency,
        "tools": tried.tools,
    }


def pair_document(pair: ReplayedQuestion, workspace: ChainWorkspace, words: Catalogue) -> dict[str, Any]:
    """Return both answers to a question, as a catalogue says them."""
    compared = pair.compared
    return {
        "trace": compared.question.trace,
        "question": compared.question.text,
        "changed": compared.changed,
        "unfit": compared.unfit,
        "live": answer_document(compared.live, workspace, words),
        "draft": answer_document(compared.draft, workspace, words),
        "live_html": pair.live_html,
        "draft_html": pair.draft_html,
        "differences": pair.differences,
        "verdict": pair.verdict,
        "why": in_language(pair.why, words),
    }


def request_document(sent: ModelRequest) -> dict[str, Any]:
    """Return what a model is asked."""
    return {
        "model": sent.model,
        "revision": sent.chain.revision,
        "messages": [{"role": role, "text": text} for role, text in sent.transcript()],
        "options": dict(sent.options),
        "tools": list(sent.tools),
    }
