"""`@usage` says what a person used today and this month, by model, and what is left of their budget."""

from chains.budget import Limit
from chains.command import Command, Order
from chains.prices import money
from pipeline.outcomes import Outcome
from pipeline.spending import UsageTotals

_MODELS = 8


async def run(order: Order) -> Outcome:
    """Answer with the sums."""
    means = order.means
    if means.spending is None:
        return order.done("usage.none")
    person = order.ask.event.sender
    used = await means.spending.used(person)
    limits = await means.budget.limits(person)
    if not used and not limits:
        return order.done("usage.none")
    say = means.words.text
    today = sum((each.today for each in used), UsageTotals())
    month = sum((each.month for each in used), UsageTotals())
    lines = [
        say("usage.today", took=_took(order, today)),
        say("usage.month", took=_took(order, month)),
        *(
            say("usage.model", model=each.model, took=_took(order, each.month))
            for each in used[:_MODELS]
            if len(used) > 1
        ),
        *(_limit(order, limit) for limit in limits if limit.whose == "person" or limit.spent),
    ]
    if means.budget.cheaper and any(limit.spent for limit in limits):
        lines.append(say("usage.cheaper", model=means.models.title(means.budget.cheaper)))
    return order.done("usage.all", lines="\n".join(lines))


def _took(order: Order, sums: UsageTotals) -> str:
    say = order.means.words.text
    took = say(
        "usage.took", answers=f"{sums.answers:,}", given=f"{sums.input_tokens:,}", answered=f"{sums.output_tokens:,}"
    )
    if not sums.cost:
        return took
    return say("usage.cost", took=took, cost=money(sums.cost), currency=order.means.budget.currency)


def _limit(order: Order, limit: Limit) -> str:
    budget, say = order.means.budget, order.means.words.text
    if limit.spent:
        return say(f"usage.{limit.whose}_{limit.period}_spent", when=budget.when(limit))
    return say(
        f"usage.left_{limit.period}",
        left=money(limit.most - limit.paid),
        most=money(limit.most),
        currency=budget.currency,
    )


COMMAND = Command(
    name="@usage",
    aliases=("@用量", "@统计", "@额度"),
    summary="usage.summary",
    run=run,
    offered=lambda order: order.means.spending is not None,
)
