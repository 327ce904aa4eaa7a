"""`@usage` says what a person used today and this month, by model, and what is left of their budget."""

from collections.abc import Sequence

from chains.command import Command, CommandCall
from chains.models.budget import Limit
from chains.models.prices import money
from pipeline.answer import Outcome
from pipeline.spending import UsageTotals
from pipeline.text.command_line import choice_of, is_courtesy
from pipeline.text.folding import casefold_nfkc
from pipeline.text.markdown.escape import escape_markdown

_MODELS = 8
_LONGEST = 60
_COVERED = frozenset("今天 今日 本月 这个月 当月 多少 情况 详情 明细 查询 统计".split())  # noqa: SIM905 (a word a line would be a page)
_COUNTED = {"image": "pictures", "speech": "voices"}


async def run(order: CommandCall) -> Outcome:
    """Answer with the sums."""
    context = order.context
    if context.spending is None:
        return order.reply("usage.none")
    person = order.ask.event.sender
    used = await context.spending.used(person)
    limits = await context.budget.limits(person)
    if not used and not limits:
        return order.reply("usage.none")
    say = context.catalogue.text
    lines = [
        say("usage.today", took=_took(order, [(each.model, each.today) for each in used])),
        say("usage.month", took=_took(order, [(each.model, each.month) for each in used])),
        *(
            say("usage.model", model=_title(order, each.model), took=_took(order, [(each.model, each.month)]))
            for each in used[:_MODELS]
            if len(used) > 1
        ),
        *(_limit(order, limit) for limit in limits if limit.whose == "person" or limit.spent),
    ]
    if context.budget.cheaper and any(limit.spent for limit in limits):
        lines.append(say("usage.cheaper", model=context.models.title(context.budget.cheaper)))
    return order.reply("usage.all", lines="\n".join(lines))


def _took(order: CommandCall, used: Sequence[tuple[str, UsageTotals]]) -> str:
    """Return a person's sums of some models: answers with their tokens, pictures and voices by their number."""
    say = order.context.catalogue.text
    sums: dict[str, UsageTotals] = {}
    for model, total in used:
        kind = _kind(order, model, total)
        sums[kind] = sums.get(kind, UsageTotals()) + total
    chat = sums.pop("answers", UsageTotals())
    parts = []
    if chat.answers or not any(each.answers for each in sums.values()):
        parts.append(
            say(
                "usage.took",
                answers=f"{chat.answers:,}",
                given=f"{chat.input_tokens:,}",
                answered=f"{chat.output_tokens:,}",
            )
        )
    parts += [say(f"usage.{kind}", count=f"{each.answers:,}") for kind, each in sorted(sums.items()) if each.answers]
    took = say("usage.and").join(parts)
    if estimated := sum(total.estimated for _, total in used):
        took = say("usage.estimated", took=took, estimated=f"{estimated:,}")
    cost = sum(total.cost for _, total in used)
    return say("usage.cost", took=took, cost=money(cost), currency=order.context.budget.currency) if cost else took


def _kind(order: CommandCall, model: str, total: UsageTotals) -> str:
    """Return which sentence counts what a model did."""
    table = order.context.models.table_of(model)
    if table in _COUNTED:
        return _COUNTED[table]
    return "calls" if total.answers and not (total.input_tokens or total.output_tokens) else "answers"


def _title(order: CommandCall, model: str) -> str:
    """Return a model as `@model` calls it; as the provider does where the settings have it no more."""
    models = order.context.models
    table = models.table_of(model)
    title = models.title(table) if table and table not in _COUNTED else model
    return escape_markdown(title, most=_LONGEST)


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


def _joins(_: str, rest: str) -> bool:
    """Join what is told anyhow: `@用量怎么算` is a question."""
    return is_courtesy(rest) or choice_of(casefold_nfkc(rest)) in _COVERED


COMMAND = Command(
    name="@usage",
    aliases=("@用量", "@统计", "@额度"),
    summary="usage.summary",
    order=9,
    run=run,
    synonyms=(
        "@余额",
        "@用量统计",
        "@用量查询",
        "@使用量",
        "@我的用量",
        "@我的额度",
        "@剩余额度",
        "@余额多少",
        "@用了多少",
        "@用了多少钱",
        "@用了多少token",
        "@花了多少",
        "@花了多少钱",
        "@还剩多少",
        "@剩多少",
        "@还剩多少额度",
        "@还有多少额度",
        "@quota",
    ),
    joins=_joins,
    offered=lambda order: order.context.spending is not None,
)
