"""The library of personas, and picking from it."""

import re
from collections import Counter

import pytest

from chains.commands.prompt_set import MOST as LONGEST
from chains.persona_library import Persona, personas, search
from pipeline.answer import PersonaSet
from tests.chains.harness import open_chains_harness


def test_the_library_has_at_least_sixty_personas() -> None:
    assert 60 <= len(personas())


def test_numbers_and_names_are_each_given_once() -> None:
    assert list(range(1, len(personas()) + 1)) == [persona.number for persona in personas()]
    assert [] == [name for name, count in Counter(persona.name for persona in personas()).items() if count > 1]


@pytest.mark.parametrize("persona", personas(), ids=lambda persona: persona.name)
def test_a_persona_says_enough_and_not_too_much(persona: Persona) -> None:
    assert 60 <= len(persona.prompt) <= min(LONGEST, 400)
    assert 4 <= len(persona.about) <= 30
    assert persona.prompt.startswith("你")
    assert not re.search(r"\s\s|[,;!?]", persona.prompt.replace("n 与 l", ""))
    assert "。" == persona.prompt[-1]


def test_every_persona_is_there_in_english_under_its_number() -> None:
    english = personas(language="en")

    assert [each.number for each in personas()] == [each.number for each in english]
    assert len(english) == len({each.name for each in english})
    written = [f"{each.category} {each.name} {each.about} {each.prompt}" for each in english]
    assert [] == [text for text in written if re.search(r"[\u3000-\u9fff\uff00-\uffef]|\s\s", text)]
    assert [] == [each.name for each in english if not 150 <= len(each.prompt) <= 400 or len(each.about) > 60]


async def test_an_english_deployment_offers_them_in_english() -> None:
    async with open_chains_harness(chat={"language": "en"}) as it:
        listed = await it.said("@role")
        outcome = await it.outcome("@role 25")

    assert "**Work**: 1 Weekly report, 2 Meeting chair" in listed
    assert not re.search(r"[\u4e00-\u9fff]", listed)
    assert (PersonaSet(search("English partner", language="en")[0].prompt),) == outcome.changes


async def test_role_alone_lists_all_of_them_by_their_numbers() -> None:
    async with open_chains_harness() as it:
        said = await it.said("@role")

    assert all(f"{persona.number} {persona.name}" in said for persona in personas())
    assert "**职场**：1 周报助手、2 会议主持" in said


@pytest.mark.parametrize(
    "order",
    ["@role 25", "@role #25", "@role ２５", "@ROLE 英语陪练", "@角色库 25", "@角色 25", "@角色25。", "@角色庫英語陪練"],
)
async def test_a_number_or_a_name_picks_one(order: str) -> None:
    async with open_chains_harness() as it:
        outcome = await it.outcome(order)

    (persona,) = search("英语陪练")
    assert (PersonaSet(persona.prompt),) == outcome.changes
    assert "英语陪练" in str(outcome.replies)


async def test_a_word_lists_what_it_finds() -> None:
    async with open_chains_harness() as it:
        outcome = await it.outcome("@role 老师")
        said = await it.said("@role 老师")

    assert () == outcome.changes
    assert "- **29** 数学老师：陪你解题，不直接给答案" in said.splitlines()


async def test_many_hits_are_cut_short() -> None:
    async with open_chains_harness() as it:
        said = await it.said("@role 你")

    assert 13 == len([line for line in said.splitlines() if line.startswith("- ")])
    assert f"还有 {len(personas()) - 12} 个" in said


@pytest.mark.parametrize("order", ["@role 0", "@role 999", "@role ²", "@role **没有这种**", "@role " + "9" * 5000])
async def test_what_is_not_there_is_said(order: str) -> None:
    async with open_chains_harness() as it:
        outcome = await it.outcome(order)

    assert () == outcome.changes
    assert "没有找到" in str(outcome.replies)


async def test_role_goes_back_to_the_default() -> None:
    async with open_chains_harness() as it:
        outcome = await it.outcome("@role 默认")

    assert (PersonaSet(""),) == outcome.changes


@pytest.mark.parametrize("number", ["99999", "0", "#0", "999", "9" * 5000], ids=len)
async def test_a_number_nobody_has_is_told_the_numbers_there_are(number: str) -> None:
    last = max(each.number for each in personas())
    async with open_chains_harness() as it:
        said = await it.said(f"@role {number}")

    assert f"编号是 1–{last}" in said
