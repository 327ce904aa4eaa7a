"""Adds a case to a chain's draft: what somebody asked, masked, with what an answer has to be like."""

from chains.catalog.config import parse_chain
from web.operator.chains.drafts import Draft, Drafts
from web.operator.chains.workspace import ChainWorkspace

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def add_case(workspace: ChainWorkspace, name: str, *, question: str, rubric: str) -> Draft:
    """Add a case at the end of a chain's draft, which begins as what answers now where there is none.

    Reads and writes files.

    Raises:
        DraftChanged: the draft was changed in the same moment.
        ChainInvalid: there is no such chain, or with the case it is none: an empty question, a mistake in the draft.
    """
    drafts = Drafts(workspace.folder)
    now = drafts.read(name)
    text = now.text if now.exists else workspace.live(name).text
    case = f"[[cases]]\ninput = {_quoted(question)}\nrubric = {_quoted(rubric)}\n"
    made = f"{text.rstrip()}\n\n{case}".lstrip()
    parse_chain(made, name=name, source=f"{name}.toml")
    return drafts.write(name, made, seen=now.mark)


def _quoted(text: str) -> str:
    """Return a text as TOML writes it in one line."""
    return '"' + "".join(_ESCAPES.get(sign) or (sign if sign.isprintable() else _code(sign)) for sign in text) + '"'


def _code(sign: str) -> str:
    return f"\\U{ord(sign):08X}"
