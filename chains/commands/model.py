"""`@model` says who may answer a person, and has another one answer from the next message on."""

from collections.abc import Iterable

from chains.command import DEFAULT, Command, CommandCall, CommandContext
from chains.conversation.model_choice import ModelChoice, model_choice_for
from pipeline.answer import ModelChosen, Outcome
from pipeline.text.command_line import is_courtesy
from pipeline.text.folding import casefold_nfkc, simplified
from pipeline.text.markdown.escape import escape_markdown
from pipeline.text.unicode import wellformed

_LONGEST = 60
_MAKERS = ("默认", "通义", "千问", "豆包", "文心", "混元", "智谱", "星火", "月之暗面", "百川", "深度求索", "讯飞")


async def run(order: CommandCall) -> Outcome:
    """Choose the model named, go back to the chain's own, or list what there is to choose from."""
    context, wanted = order.context, wellformed(order.choice)
    known = await context.memory.load(order.ask.event.sender, turns=0, idle_minutes=context.chat.idle_minutes)
    choice = _choice(order, chosen=known.model)
    if order.folded_choice in DEFAULT:
        return order.reply("choice.reset", ModelChosen(""), name=_title(context, choice.own))
    if not choice.free:
        return order.reply("choice.none", name=_title(context, choice.own), lapsed=_lapsed(context, choice))
    found = tuple(_found(context, choice.offered, wanted))
    match found:
        case (name,) if wanted:
            return order.reply("choice.set", ModelChosen(name), name=_title(context, name))
        case ():
            return order.reply(
                "choice.unknown",
                words=escape_markdown(wanted, most=_LONGEST),
                models=_listed(context, choice, choice.offered),
            )
        case _:
            return order.reply(
                "choice.all",
                name=_title(context, choice.answering),
                lapsed=_lapsed(context, choice) + await _spent(order, choice),
                models=_listed(context, choice, found),
            )


def _found(context: CommandContext, offered: tuple[str, ...], wanted: str) -> Iterable[str]:
    """Return the models meant: by the number in the list, by a name that is exactly so, or by a part of one."""
    number = wanted.removeprefix("#")
    # Not isdigit: there are digits that int does not know, such as ².
    if number.isdecimal():
        return offered[int(number) - 1 : int(number)] if len(number) < 5 and int(number) else ()  # noqa: PLR2004
    word = " ".join(casefold_nfkc(simplified(wanted)).split())
    names = {
        name: [
            casefold_nfkc(simplified(each))
            for each in (name, context.models.title(name), context.models.display_name(name))
        ]
        for name in offered
    }
    exactly = [name for name, known in names.items() if word in known]
    return exactly or [name for name, known in names.items() if any(word in each for each in known)]


def _listed(context: CommandContext, choice: ModelChoice, names: Iterable[str]) -> str:
    return "\n".join(_line(context, choice, name) for name in names)


def _line(context: CommandContext, choice: ModelChoice, name: str) -> str:
    say = context.catalogue.text
    about = escape_markdown(context.models.description(name), most=_LONGEST)
    return say(
        "choice.line",
        number=choice.offered.index(name) + 1,
        name=_title(context, name),
        about=say("choice.about", about=about) if about else "",
        current=say("choice.current") if name == choice.answering else "",
    )


def _lapsed(context: CommandContext, choice: ModelChoice) -> str:
    return (
        context.catalogue.text("choice.lapsed", name=escape_markdown(choice.chosen, most=_LONGEST))
        if choice.lapsed
        else ""
    )


async def _spent(order: CommandCall, choice: ModelChoice) -> str:
    """Return the line on a cheaper model answering while a budget is spent."""
    context = order.context
    answering = await context.budget.answering(choice.answering, order.ask.event.sender)
    if answering == choice.answering:
        return ""
    return context.catalogue.text("choice.spent", name=_title(context, answering))


def _title(context: CommandContext, name: str) -> str:
    return escape_markdown(context.models.title(name), most=_LONGEST)


def _choice(order: CommandCall, *, chosen: str = "") -> ModelChoice:
    ask, context = order.ask, order.context
    chain = context.catalog.chain(ask.chain, ask.event.sender)
    return model_choice_for(context.models, chain, ask.event.sender, chosen=chosen)


def offered(order: CommandCall) -> bool:
    """List it to those who have a choice."""
    return _choice(order).free


def _joins(name: str, rest: str) -> bool:
    """Join a number, a Latin name or that of a Chinese model: `@模型训练要多久` is a question."""
    if is_courtesy(rest):
        return True
    if name in ("@换模型", "@切换模型", "@更换模型", "@选模型", "@选择模型"):
        return rest[0] not in "的怎吗是有会能" and len(rest) <= _LONGEST
    return (rest[0].isascii() or rest.startswith(_MAKERS)) and len(rest) <= _LONGEST


COMMAND = Command(
    name="@model",
    aliases=("@模型", "@换模型"),
    summary="choice.summary",
    usage="choice.usage",
    group="persona",
    order=6,
    run=run,
    synonyms=("@切换模型", "@换个模型", "@更换模型", "@选模型", "@选择模型", "@模型列表", "@查看模型", "@models"),
    joins=_joins,
    offered=offered,
)
