"""Which chain a message goes to."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chains.catalog.catalog import ChainCatalog, PartialRelease
from chains.catalog.config import ChainConfig, Example
from chains.router import Chains
from pipeline.answer import ConversationContext, Exchange
from pipeline.events import Clicked, Person, Subscribed, Text
from pipeline.replies import TextReply
from pipeline.text.i18n import Catalogue
from tests.chains.harness import ALICE, RecentMemory, open_chains_harness, remembered
from tests.fakes.openai_server import OpenAIServer, Says


def chain(name: str, **keys: Any) -> ChainConfig:  # noqa: ANN401 - what a file may say
    return ChainConfig(name=name, **keys)


DEFAULT = chain("default", system_prompt="default")
TRANSLATOR = chain(
    "translator",
    description="翻译",
    command="@translate",
    aliases=("@翻译",),
    keywords=("帮我翻译",),
    system_prompt="translate for {{ user }}",
    template="<{{ text }}>",
    welcome="来吧，{{ user }}",
    turns=0,
)
CODE = chain("code", command="@code", keywords=("翻译成代码",), users=("Alice",))
OTHERS = chain("others", command="@others", keywords=("others",), users=("bob",))
ELSEWHERE = chain("elsewhere", command="@elsewhere", channels=("hr",))


def catalog(*chains: ChainConfig) -> ChainCatalog:
    return ChainCatalog({each.name: each for each in (DEFAULT, *chains)})


CATALOG = catalog(TRANSLATOR, CODE, OTHERS)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("hello", "default", id="words go to the channel's chain"),
        pytest.param("@translate hello", "translator", id="a command goes to its chain"),
        pytest.param("＠TRANSLATE hello", "translator", id="in full width and large letters too"),
        pytest.param("@翻译 hello", "translator", id="by its other word"),
        pytest.param("@translated hello", "default", id="a longer word is only text"),
        pytest.param("请帮我翻译：hello", "translator", id="a keyword goes to its chain"),
        pytest.param("帮我翻译，翻译成代码", "code", id="the longest keyword decides"),
        pytest.param("@code x", "code", id="user ids have no case"),
        pytest.param("@others x", "default", id="a chain for others is only text"),
        pytest.param("others", "default", id="so is its keyword"),
    ],
)
async def test_a_message_goes_to_its_chain(server: OpenAIServer, content: str, expected: str) -> None:
    async with open_chains_harness(server.base_url, catalog=CATALOG) as it:
        outcome = await it.outcome(Text(content))

    assert expected == remembered(outcome).provenance.chain


async def test_the_model_is_told_what_the_chain_says_and_the_transcript_what_the_person_said(
    server: OpenAIServer,
) -> None:
    memory = RecentMemory((Exchange("before", "after"),), persona="a poet")
    async with open_chains_harness(
        server.base_url, catalog=CATALOG, memory=memory, chat={"system_prompt": "settings"}
    ) as it:
        outcome = await it.outcome("@translate  你好 {{ user }} ")

    assert [
        {"role": "system", "content": "translate for alice"},
        {"role": "user", "content": "<你好 {{ user }}>"},
    ] == server.bodies[0]["messages"]
    assert "你好 {{ user }}" == remembered(outcome).exchange.question


@pytest.mark.parametrize(
    ("content", "asked"),
    [
        pytest.param(
            Text("what?", quoted="帮我翻译\nthis"), "> 帮我翻译\n> this\n\nwhat?", id="no keyword is read in it"
        ),
        pytest.param(Text("@李四 right?", quoted="a"), "> a\n\n@李四 right?", id="below it a word to somebody else"),
        pytest.param(Text("", quoted="@clear"), "@clear", id="alone it is the question, and no command"),
        pytest.param(Text("@translate", quoted="a"), "<a>", id="of a command alone it is the question"),
        pytest.param(Text("@translate b", quoted="a"), "<> a\n\nb>", id="a command's words stand below it"),
    ],
)
async def test_what_is_quoted_is_read_by_the_model_alone(server: OpenAIServer, content: Text, asked: str) -> None:
    async with open_chains_harness(server.base_url, catalog=CATALOG) as it:
        await it.outcome(content)

    assert asked == server.bodies[0]["messages"][-1]["content"]


async def test_a_command_alone_and_a_menu_click_say_the_welcome() -> None:
    async with open_chains_harness(catalog=CATALOG) as it:
        assert "来吧，alice" == await it.said("@translate")
        assert "来吧，alice" == await it.said(Clicked("@翻译"))
        assert "**@code 要处理的内容**" in await it.said("@code")


async def test_a_new_person_is_welcomed_by_the_channels_chain() -> None:
    async with open_chains_harness(
        catalog=ChainCatalog({"default": chain("default", welcome="欢迎 {{ user }}")})
    ) as it:
        assert "欢迎 alice" == await it.said(Subscribed())
    async with open_chains_harness() as it:
        assert Catalogue("zh").text("kind.subscribed") == await it.said(Subscribed())


async def test_help_shows_the_commands_of_chains_that_are_for_the_person() -> None:
    async with open_chains_harness(catalog=CATALOG) as it:
        said = await it.said("@help")

    assert "- **@翻译**（@translate）：翻译" in said.splitlines()
    assert "- **@code**：code" in said.splitlines()
    assert "@others" not in said


async def test_examples_options_and_format_reach_the_model(server: OpenAIServer) -> None:
    server.script(Says('{"a": 1}'))
    default = chain(
        "default",
        system_prompt="Be brief.",
        template="Q: {{ text }}",
        examples=(Example(user="one", assistant="1"),),
        options={"temperature": 0.5, "top_k": 3},
        answer_format="json",
        tokens=20,
    )
    long = Exchange("long " * 50, "answer")
    short = Exchange("short", "answer")
    async with open_chains_harness(
        server.base_url,
        catalog=ChainCatalog({"default": default}),
        memory=RecentMemory((long, short)),
        top_p=0.1,
        seed_k=1,
    ) as it:
        outcome = await it.outcome("two")

    asked = server.bodies[0]
    assert ["Be brief.\n\n" + Catalogue("zh").text("chain.as_json"), "Q: one", "1", "short", "answer", "Q: two"] == [
        message["content"] for message in asked.pop("messages")
    ]
    assert {
        "model": "test-model",
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.5,
        "top_p": 0.1,
        "top_k": 3,
        "seed_k": 1,
        "response_format": {"type": "json_object"},
    } == asked
    assert (TextReply('```json\n{"a": 1}\n```'),) == outcome.replies


def test_a_chain_is_offered_where_and_to_whom_it_says() -> None:
    it = catalog(ELSEWHERE, OTHERS)

    assert () == it.offered(ALICE)
    assert ("elsewhere",) == tuple(each.name for each in it.offered(Person("hr", "alice")))
    assert ("others",) == tuple(each.name for each in it.offered(Person("wecom", "BOB")))


@dataclass
class EditingMemory(RecentMemory):
    """Something is edited while it remembers."""

    edit: Callable[[], None] = lambda: None

    async def load(self, person: Person, *, turns: int, idle_minutes: int) -> ConversationContext:
        self.edit()
        return await super().load(person, turns=turns, idle_minutes=idle_minutes)


async def test_an_edit_in_mid_turn_changes_nothing_of_the_turn(server: OpenAIServer) -> None:
    memory, edited = EditingMemory(), list[Chains]()
    async with open_chains_harness(server.base_url, catalog=CATALOG, memory=memory) as it:
        memory.edit = lambda: edited.append(it.chains.with_catalog(ChainCatalog({"default": DEFAULT})))
        during = await it.outcome("@translate hello")
        after = await replace(it, chains=edited[-1]).outcome("@translate hello")

    assert TRANSLATOR.revision == remembered(during).provenance.revision
    assert DEFAULT.revision == remembered(after).provenance.revision


@pytest.mark.parametrize(("share", "fewest", "most"), [(0, 0, 0), (30, 240, 360), (100, 1000, 1000)])
def test_a_trial_meets_its_share_of_the_people_and_always_the_same_ones(share: int, fewest: int, most: int) -> None:
    new = chain("default", system_prompt="new")
    it = CATALOG.with_trials({"default": PartialRelease(new, share=share, users=frozenset({"named"}))})
    people = [Person("wecom", f"user-{number}") for number in range(1000)]
    met = [person for person in people if it.chain("default", person) is new]

    assert fewest <= len(met) <= most
    assert met == [person for person in people if it.chain("default", person) is new]
    assert new is it.chain("default", Person("wecom", "Named"))
    assert DEFAULT is it.chain("default")


def test_a_share_is_drawn_by_chain_person_and_revision() -> None:
    people = [Person(channel, f"user-{number}") for channel in ("wecom", "bot") for number in range(500)]

    def met(name: str, prompt: str) -> set[Person]:
        release = PartialRelease(chain(name, system_prompt=prompt), share=10)
        return {person for person in people if release.includes(person)}

    first = met("default", "one")
    others = [met("default", "two"), met("hr", "one")]

    assert first == met("default", "one")
    assert {"wecom", "bot"} == {person.channel for person in first}
    for other in others:
        # A tenth of a tenth by chance, and not the same people every time.
        assert len(first & other) < len(first) / 2
        assert 60 <= len(other) <= 140
