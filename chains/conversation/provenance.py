"""How an answer came to be: the chain, the model, and all tokens and money it took."""

from collections.abc import Sequence

from chains.catalog.config import ChainConfig
from pipeline.answer import Provenance, TokenUsage


def build_provenance(chain: ChainConfig, model: str, taken: Sequence[TokenUsage], *, milliseconds: int) -> Provenance:
    """Return how an answer came to be: by `model`, and with all that was taken for it."""
    beside: dict[str, TokenUsage] = {}
    for each in taken:
        if each.model != model:
            sums = beside.get(each.model, TokenUsage(each.model, 0, 0, 0))
            beside[each.model] = TokenUsage(
                each.model,
                sums.input_tokens + each.input_tokens,
                sums.output_tokens + each.output_tokens,
                sums.cost + each.cost,
                sums.estimated + each.estimated,
            )
    return Provenance(
        chain=chain.name,
        revision=chain.revision,
        model=model,
        input_tokens=sum(each.input_tokens for each in taken),
        output_tokens=sum(each.output_tokens for each in taken),
        milliseconds=milliseconds,
        cost=sum(each.cost for each in taken),
        other_usage=tuple(beside.values()),
        estimated=sum(each.estimated for each in taken),
    )
