"""`@model` says who may answer a person, and has another one answer from the next message on."""

from collections.abc import Iterable

from chains.choice import Choice, choice_of
from chains.command import DEFAULT, Command, Means, Order
from chains.folding import folded
from chains.quoting import quoted
from pipeline.outcomes import ModelChosen, Outcome
from pipeline.text import wellformed

_LONGEST = 60


async def run(order: Order) -> Outcome:
    """Choose the model named, go back to the chain's own, or list what there is to choose from."""
    means, wanted = order.means, wellformed(order.argument)
    known = await means.memory.load(order.ask.event.sender, turns=0, idle_minutes=means.chat.idle_minutes)
    choice = _choice(order, chosen=known.model)
    if folded(wanted) in DEFAULT:
        return order.done("choice.reset", ModelChosen(""), name=_title(means, choice.own))
    if not choice.free:
        return order.done("choice.none", name=_title(means, choice.own), lapsed=_lapsed(means, choice))
    found = tuple(_found(means, choice.offered, wanted))
    match found:
        case (name,) if wanted:
            return order.done("choice.set", ModelChosen(name), name=_title(means, name))
        case ():
            return order.done(
                "choice.unknown",
                words=quoted(wanted, most=_LONGEST),
                models=_listed(means, choice, choice.offered),
            )
        case _:
            return order.done(
                "choice.all",
                name=_title(means, choice.answering),
                lapsed=_lapsed(means, choice) + await _spent(order, choice),
                models=_listed(means, choice, found),
            )


def _found(means: Means, offered: tuple[str, ...], wanted: str) -> Iterable[str]:
    """Give the models meant: by the number in the list, by a name that is exactly so, or by a part of one."""
    number = wanted.removeprefix("#")
    # Not isdigit: there are digits that int does not know, such as ².
    if number.isdecimal():
        return offered[int(number) - 1 : int(number)] if len(number) < 5 and int(number) else ()  # noqa: PLR2004
    word = " ".join(folded(wanted).split())
    names = {
        name: [folded(each) for each in (name, means.models.title(name), means.models.shown(name))] for name in offered
    }
    exactly = [name for name, known in names.items() if word in known]
    return exactly or [name for name, known in names.items() if any(word in each for each in known)]


def _listed(means: Means, choice: Choice, names: Iterable[str]) -> str:
    return "\n".join(_line(means, choice, name) for name in names)


def _line(means: Means, choice: Choice, name: str) -> str:
    say = means.words.text
    about = quoted(means.models.about(name), most=_LONGEST)
    return say(
        "choice.line",
        number=choice.offered.index(name) + 1,
        name=_title(means, name),
        about=say("choice.about", about=about) if about else "",
        current=say("choice.current") if name == choice.answering else "",
    )


def _lapsed(means: Means, choice: Choice) -> str:
    return means.words.text("choice.lapsed", name=quoted(choice.chosen, most=_LONGEST)) if choice.lapsed else ""


async def _spent(order: Order, choice: Choice) -> str:
    """Say that a cheaper model stands in as long as a budget is spent."""
    means = order.means
    answering = await means.budget.answering(choice.answering, order.ask.event.sender)
    if answering == choice.answering:
        return ""
    return means.words.text("choice.spent", name=_title(means, answering))


def _title(means: Means, name: str) -> str:
    return quoted(means.models.title(name), most=_LONGEST)


def _choice(order: Order, *, chosen: str = "") -> Choice:
    ask, means = order.ask, order.means
    chain = means.book().chain(ask.chain, ask.event.sender)
    return choice_of(means.models, chain, ask.event.sender, chosen=chosen)


def offered(order: Order) -> bool:
    """List it to those who have a choice."""
    return _choice(order).free


COMMAND = Command(
    name="@model",
    aliases=("@模型", "@换模型"),
    summary="choice.summary",
    usage="choice.usage",
    run=run,
    offered=offered,
)
