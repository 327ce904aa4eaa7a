"""Templates in a chain's words: `{{ user }}` and conditions, and nothing that could run away or reach anything.

Jinja's own sandbox is the second lock; the first is a list of what a template may consist of, looked at when the
file is read. What people write is put in as a value and never read as a template.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from pipeline.text.i18n import Catalogue, Sentence
from pipeline.text.phrases import nearest

TEXT = "text"
"""What the person wrote: the one variable that only a template of the question has."""

VARIABLES: Mapping[str, str] = {
    "user": "the person's user id",
    "channel": "the channel's name in the settings",
    "chain": "the chain's name",
    "date": "the day the message was sent, such as 2026-11-22",
    "time": "its time of day, such as 14:05",
    "weekday": "its day of the week, such as 星期日",
}
"""What every template may name, with what it stands for."""

FILTERS = ("lower", "trim", "truncate", "upper")

_MARKS = ("{{", "{%", "{#")
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Filter,
)
_MOST = 400
"""How many templates are kept compiled."""

_LONG = 300
"""Characters of a value that is longer than the ids and names there are."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What a template may not say; `line` counts within its own text, from 1."""

    line: int
    message: str


def mistakes(source: str, *, text: bool = False) -> list[Mistake]:
    """Find what is wrong with a template; one of a question may say `{{ text }}`, and has to."""
    known = (*VARIABLES, *((TEXT,) if text else ()))
    try:
        tree = _environment().parse(source)
    except TemplateSyntaxError as error:
        return [Mistake(error.lineno, Sentence("mistake.template_syntax", said=error.message))]
    found = [mistake for node in tree.find_all(nodes.Node) for mistake in _mistakes(node, known)]
    if text and not found and not _always_says_text(tree.body):
        said = "mistake.template_text_always" if TEXT in _names(tree) else "mistake.template_text"
        found.append(Mistake(1, Sentence(said)))
    return found or _unfillable(tree, known)


def _unfillable(tree: nodes.Template, known: tuple[str, ...]) -> list[Mistake]:
    """Fill every case of a template in: what it does with words may be nothing that words allow, or on Mondays alone.

    The tree is changed.
    """
    _EveryCase().visit(tree)
    tree.set_environment(_environment())
    template = _environment().from_string(tree)
    try:
        for word in ("words", "w" * _LONG):
            template.render(dict.fromkeys(known, word))
    except (TypeError, ValueError, ArithmeticError, AssertionError, TemplateError) as error:
        return [Mistake(1, Sentence("mistake.template_fails", said=str(error)))]
    return []


class _EveryCase(NodeTransformer):
    """Makes a template without choices: all sides of each condition are filled in, one after the other."""

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 (jinja's)
        """Return what stands in a node's place, what is in it first."""
        self.generic_visit(node, *args, **kwargs)
        match node:
            case nodes.If():
                return [nodes.Output([node.test], lineno=node.lineno), *node.body, *node.elif_, *node.else_]
            case nodes.CondExpr():
                sides = (node.test, node.expr1, node.expr2)
                return nodes.Concat([side for side in sides if side is not None], lineno=node.lineno)
            case nodes.And() | nodes.Or():
                return nodes.Concat([node.left, node.right], lineno=node.lineno)
            case _:
                return node


def _always_says_text(body: Sequence[nodes.Node]) -> bool:
    """Whether the person's words are put somewhere, whichever way each condition turns out."""
    return any(_says_text(node) for node in body)


def _says_text(node: nodes.Node | None) -> bool:  # noqa: PLR0911 -- one line for each kind of node
    match node:
        case nodes.Output():
            return any(_says_text(each) for each in node.nodes)
        case nodes.Name():
            return node.name == TEXT
        case nodes.Filter():
            return _says_text(node.node)
        case nodes.CondExpr():
            return _says_text(node.expr1) and (_says_text(node.expr2) or _says_text(node.test))
        case nodes.Or():
            return _says_text(node.left)
        case nodes.And():
            return _says_text(node.right)
        case nodes.If():
            # `{% if text %}` is true of every message.
            others = (*(branch.body for branch in node.elif_), node.else_)
            return _always_says_text(node.body) and (_says_text(node.test) or all(map(_always_says_text, others)))
        case _:
            return False


def fill(source: str, values: Mapping[str, str]) -> str:
    """Fill values in; a text without a template's marks is given back as it is."""
    if not any(mark in source for mark in _MARKS):
        return source
    return _compiled(source).render(values)


def values(*, user: str, channel: str, chain: str, at: datetime, catalogue: Catalogue) -> dict[str, str]:
    """Return what every template may name; `at` in any zone, told in this machine's."""
    here = at.astimezone()
    return {
        "user": user,
        "channel": channel,
        "chain": chain,
        "date": here.strftime("%Y-%m-%d"),
        "time": here.strftime("%H:%M"),
        "weekday": catalogue.text("chain.weekdays").split()[here.weekday()],
    }


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    # Text for a model, not a page: nothing is escaped.
    return ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@lru_cache(_MOST)
def _compiled(source: str) -> Template:
    return _environment().from_string(source)


def _names(tree: nodes.Template) -> set[str]:
    return {name.name for name in tree.find_all(nodes.Name)}


def _mistakes(node: nodes.Node, known: tuple[str, ...]) -> Iterator[Mistake]:
    if not isinstance(node, _ALLOWED):
        word = type(node).__name__.lower()
        yield Mistake(node.lineno, Sentence("mistake.template_word", found=word))
    elif isinstance(node, nodes.Name) and node.name not in known:
        there = ", ".join(known)
        if near := nearest(node.name, known):
            said = Sentence("mistake.template_variable_near", found=node.name, near=near, known=there)
        else:
            said = Sentence("mistake.template_variable", found=node.name, known=there)
        yield Mistake(node.lineno, said)
    elif isinstance(node, nodes.CondExpr) and node.expr2 is None:
        yield Mistake(node.lineno, Sentence("mistake.template_else"))
    elif isinstance(node, nodes.Filter) and node.name not in FILTERS:
        yield Mistake(node.lineno, Sentence("mistake.template_filter", found=node.name, known=", ".join(FILTERS)))
