"""`@usage` says what a person used today and this month, by model, and what is left of their budget."""

from chains.command import Command, CommandCall
from chains.models.budget import Limit
from chains.models.prices import money
from pipeline.answer import Outcome
from pipeline.spending import UsageTotals

_MODELS = 8


async def run(order: CommandCall) -> Outcome:
    """Answer with the sums."""
    means = order.context
    if means.spending is None:
        return order.reply("usage.none")
    person = order.ask.event.sender
    used = await means.spending.used(person)
    limits = await means.budget.limits(person)
    if not used and not limits:
        return order.reply("usage.none")
    say = means.catalogue.text
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
    return order.reply("usage.all", lines="\n".join(lines))


def _took(order: CommandCall, sums: UsageTotals) -> str:
    say = order.context.catalogue.text
    took = say(
        "usage.took", answers=f"{sums.answers:,}", given=f"{sums.input_tokens:,}", answered=f"{sums.output_tokens:,}"
    )
    if not sums.cost:
        return took
    return say("usage.cost", took=took, cost=money(sums.cost), currency=order.context.budget.currency)


def _limit(order: CommandCall, limit: Limit) -> str:
    budget, say = order.context.budget, order.context.catalogue.text
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
    synonyms=(
        "@余额",
        "@用量统计",
        "@用量查询",
        "@使用量",
        "@我的用量",
        "@查看用量",
        "@查用量",
        "@我的额度",
        "@剩余额度",
        "@quota",
    ),
    offered=lambda order: order.context.spending is not None,
)
