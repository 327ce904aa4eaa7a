"""`@role` picks a persona out of the library: by its number, by its name, or out of what a search finds."""

import asyncio
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from chains.command import DEFAULT, Command, CommandCall
from chains.persona_library import Persona, personas, search
from pipeline.answer import Outcome, PersonaSet
from pipeline.text.command_line import is_courtesy
from pipeline.text.i18n import Catalogue, Language
from pipeline.text.markdown.escape import escape_markdown

MOST = 12
"""How many hits of a search are listed."""

_LONGEST = 30
_DIGITS = 6


async def run(order: CommandCall) -> Outcome:
    """Set the persona named, set it back, or list what there is to choose from."""
    wanted = order.choice
    if order.folded_choice in DEFAULT:
        return order.reply("persona.reset", PersonaSet(""))
    # Reads the library.
    own, language = order.context.persona_folder, order.context.chat.language
    found = await asyncio.to_thread(_found, wanted, own, language)
    match found:
        case () if wanted.removeprefix("#").isdecimal():
            numbers = [each.number for each in await asyncio.to_thread(personas, own, language)]
            return order.reply(
                "role.no_number", number=escape_markdown(wanted, most=_LONGEST), least=min(numbers), most=max(numbers)
            )
        case ():
            return order.reply("role.none", words=escape_markdown(wanted, most=_LONGEST))
        case (persona,):
            return order.reply("role.set", PersonaSet(persona.prompt), name=persona.name, about=persona.about)
        case _ if wanted:
            return _hits(order, found)
        case _:
            return order.reply("role.all", personas=_by_category(found, order.context.catalogue), count=len(found))


def _found(wanted: str, own: Path | None, language: Language) -> tuple[Persona, ...]:
    number = wanted.removeprefix("#")
    # Not isdigit: there are digits that int does not know, such as ².
    if number.isdecimal():
        # Python refuses to read a number of thousands of digits.
        wished = int(number) if len(number) <= _DIGITS else None
        return tuple(persona for persona in personas(own, language) if persona.number == wished)
    return search(wanted, own, language) if wanted else personas(own, language)


def _hits(order: CommandCall, found: tuple[Persona, ...]) -> Outcome:
    say = order.context.catalogue.text
    lines = [say("role.line", number=each.number, name=each.name, about=each.about) for each in found[:MOST]]
    if len(found) > MOST:
        lines.append(say("role.more", count=len(found) - MOST))
    return order.reply("role.hits", personas="\n".join(lines), words=escape_markdown(order.choice, most=_LONGEST))


def _by_category(found: Iterable[Persona], catalogue: Catalogue) -> str:
    def category(persona: Persona) -> str:
        return persona.category

    return "\n\n".join(
        catalogue.text(
            "role.category",
            category=name,
            personas=catalogue.text("role.comma").join(f"{each.number} {each.name}" for each in group),
        )
        for name, group in groupby(found, category)
    )


COMMAND = Command(
    name="@role",
    aliases=("@角色库", "@换角色"),
    summary="role.summary",
    usage="role.usage",
    group="persona",
    order=4,
    run=run,
    synonyms=("@切换角色", "@更换角色", "@选角色", "@选择角色", "@角色列表", "@角色大全", "@roles"),
    joins=lambda _name, rest: is_courtesy(rest) or (rest[0] not in "的怎吗是有" and len(rest) <= _LONGEST),
)
