"""Values made fit for both databases, so that nothing a model or a person produced can make a write fail."""

from dataclasses import replace

from pipeline.answer import Provenance, TokenUsage
from pipeline.text.unicode import wellformed

_LONGEST_NAME = 200
"""Characters; PostgreSQL's index over what was spent takes 2,704 bytes for all its columns."""
_LARGEST_COUNT = 2**31 - 1
_LARGEST_COST = 10**15
_LONGEST_REASON = 2000


def storable_name(text: str) -> str:
    """Return a name, such as a model's, short enough for an index."""
    return wellformed(text)[:_LONGEST_NAME]


def storable_reason(text: str) -> str:
    """Return the reason of a failure, of bounded length."""
    return wellformed(text)[:_LONGEST_REASON]


def storable_provenance(made_by: Provenance) -> Provenance:
    """Return where an answer came from with names and numbers that the columns take."""
    return replace(
        made_by,
        chain=storable_name(made_by.chain),
        revision=storable_name(made_by.revision),
        model=storable_name(made_by.model),
        input_tokens=_count(made_by.input_tokens),
        output_tokens=_count(made_by.output_tokens),
        milliseconds=_count(made_by.milliseconds),
        cost=_cost(made_by.cost),
        estimated=_count(made_by.estimated),
        other_usage=tuple(_took(each) for each in made_by.other_usage),
    )


def _took(took: TokenUsage) -> TokenUsage:
    return TokenUsage(
        storable_name(took.model),
        _count(took.input_tokens),
        _count(took.output_tokens),
        _cost(took.cost),
        _count(took.estimated),
    )


def _count(number: int) -> int:
    return min(max(int(number), 0), _LARGEST_COUNT)


def _cost(millionths: int) -> int:
    return min(max(int(millionths), 0), _LARGEST_COST)
