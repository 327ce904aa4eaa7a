"""The conversation chain: what the model is told, and what becomes of what it says."""

import asyncio
import json
from contextlib import aclosing
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from chains.catalog.config import ChainConfig
from chains.models.response import MOST_CHARACTERS
from pipeline.answer import Conversation, Exchange, Outcome, PartialAnswer, Provenance
from pipeline.errors import AnswerFailed
from pipeline.replies import TextReply
from tests.chains.harness import ALICE, RecentMemory, ask, open_chains_harness, remembered
from tests.fakes.openai_server import Hangs, Held, OpenAIServer, Raw, Says, Slow

EXCHANGES = tuple(Exchange(f"question {number}", f"answer {number}") for number in range(30))


def messages(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"role": role, "content": content} for role, content in pairs]


async def test_a_question_is_answered(server: OpenAIServer) -> None:
    server.script(Says("Paris, of course."))

    async with open_chains_harness(server.base_url) as it:
        outcome = await it.outcome("Capital of France?")

    assert (TextReply("Paris, of course."),) == outcome.replies
    assert Exchange("Capital of France?", "Paris, of course.") == remembered(outcome).exchange


async def test_the_request_says_exactly_what_it_has_to(server: OpenAIServer) -> None:
    async with open_chains_harness(server.base_url, api_key="key-7") as it:
        await it.outcome("你好 {name} 😀")

    (asked,) = server.asked
    assert "/v1/chat/completions" == asked.path
    assert "Bearer key-7" == asked.headers["authorization"]
    assert {
        "model": "test-model",
        "messages": messages(("user", "你好 {name} 😀")),
        "stream": True,
        "stream_options": {"include_usage": True},
    } == asked.body


@pytest.mark.parametrize("turns", [0, 1, 2, 10, 30, 31])
async def test_the_window_is_the_latest_turns_and_no_more(server: OpenAIServer, turns: int) -> None:
    async with open_chains_harness(
        server.base_url,
        memory=RecentMemory(EXCHANGES),
        chat={"turns": turns, "idle_minutes": 5, "system_prompt": "Be brief."},
    ) as it:
        await it.outcome("now")

    seen = EXCHANGES[-turns:] if turns else ()
    assert [(ALICE, turns, 5)] == it.memory.recalled
    assert (
        messages(
            ("system", "Be brief."),
            *(pair for each in seen for pair in (("user", each.question), ("assistant", each.answer))),
            ("user", "now"),
        )
        == server.bodies[0]["messages"]
    )


async def test_a_chain_has_a_window_of_its_own(server: OpenAIServer) -> None:
    chain = ChainConfig(name="default", turns=0, idle_minutes=3)

    async with open_chains_harness(
        server.base_url, memory=RecentMemory(EXCHANGES), chain=chain, chat={"turns": 9}
    ) as it:
        await it.outcome("now")

    assert [(ALICE, 0, 3)] == it.memory.recalled
    assert messages(("user", "now")) == server.bodies[0]["messages"]


@pytest.mark.parametrize(
    ("persona", "in_settings", "in_chain", "expected"),
    [
        pytest.param("persona", "settings", "chain", ["persona"], id="the person's words first"),
        pytest.param("", "settings", "chain", ["settings"], id="then the settings'"),
        pytest.param("", "", "chain", ["chain"], id="then the chain's"),
        pytest.param("", "", "", [], id="then none"),
        pytest.param("", "", " \n", [], id="white space is no instruction"),
        pytest.param("{a} {{b}} %s", "", "", ["{a} {{b}} %s"], id="braces are only text"),
    ],
)
async def test_whose_instructions_hold(
    server: OpenAIServer, persona: str, in_settings: str, in_chain: str, expected: list[str]
) -> None:
    async with open_chains_harness(
        server.base_url,
        memory=RecentMemory(persona=persona),
        chain=ChainConfig(name="default", system_prompt=in_chain),
        chat={"system_prompt": in_settings},
    ) as it:
        await it.outcome("hello")

    assert [("system", text) for text in expected] == [
        (message["role"], message["content"]) for message in server.bodies[0]["messages"][:-1]
    ]


async def test_the_transcript_says_how_the_answer_came_to_be(server: OpenAIServer) -> None:
    server.script(Slow(0.05, Says("Yes.", model="test-model-2026-11-01", usage=(123, 45))))
    conversation = Conversation(5, 2, exchange_count=3, started_at=datetime.now(UTC), last_at=datetime.now(UTC))
    chain = ChainConfig(name="default", description="for a test")

    async with open_chains_harness(server.base_url, memory=RecentMemory(conversation=conversation), chain=chain) as it:
        said = remembered(await it.outcome("Really?"))

    assert conversation == said.conversation
    assert 50 <= said.provenance.milliseconds < 60_000
    assert (
        Provenance("default", chain.revision, "test-model-2026-11-01", 123, 45, said.provenance.milliseconds)
        == said.provenance
    )


@pytest.mark.parametrize("streams", [False, True])
async def test_a_provider_that_names_no_model_and_counts_no_tokens(server: OpenAIServer, *, streams: bool) -> None:
    server.script(Says("Yes.", model="", usage=None))

    async with open_chains_harness(server.base_url) as it:
        made_by = remembered(await it.outcome("Really?", streams=streams)).provenance

    assert ("test-model", 6 + 2) == (made_by.model, made_by.estimated)
    assert (6, 2) == (made_by.input_tokens, made_by.output_tokens)


@pytest.mark.parametrize("streams", [False, True])
async def test_an_answer_is_made_fit_for_every_database(server: OpenAIServer, *, streams: bool) -> None:
    server.script(Says("a\x00b \ud83d\ude00 c\udc00", pieces=1))

    async with open_chains_harness(server.base_url) as it:
        outcome = await it.outcome("hello", streams=streams)

    assert "ab 😀 c\ufffd" == remembered(outcome).exchange.answer


async def test_a_channel_that_streams_is_shown_the_answer_as_it_grows(server: OpenAIServer) -> None:
    server.script(Says("<think>let me see</think>\n\nParis it is.", pieces=3))

    async with open_chains_harness(server.base_url) as it:
        *drafts, outcome = await it.steps("Capital of France?", streams=True)

    texts = [draft.text for draft in drafts if isinstance(draft, PartialAnswer)]
    assert len(texts) == len(drafts) >= 4
    assert all(after.startswith(before) and after != before for before, after in pairwise(texts))
    assert "Paris it is." == texts[-1]
    assert isinstance(outcome, Outcome)
    assert (TextReply("Paris it is."),) == outcome.replies
    assert {"include_usage": True} == server.bodies[0]["stream_options"]


ANSWERS = [
    pytest.param(Says("Plain."), id="plain words"),
    pytest.param(Says("  \n Space around. \n"), id="space around words"),
    pytest.param(Says("<think>hm</think>Thought about."), id="a thought and words"),
    pytest.param(Says("<think>cut"), id="a thought cut off"),
    pytest.param(Says("hm</think>Half a tag."), id="a thought without its beginning"),
    pytest.param(Says("Reasoned.", reasoning="let me see"), id="reasoning beside words"),
    pytest.param(Says("长" * 300, pieces=7), id="many pieces"),
    pytest.param(Says(""), id="no words"),
    pytest.param(Says(None), id="null"),
    pytest.param(Says(None, finish="content_filter"), id="null, filtered"),
    pytest.param(Says(None, refusal="I'd rather not."), id="a refusal in words"),
    pytest.param(Says("Counted.", usage=(5, 6), model="other"), id="tokens and another model"),
]


@pytest.mark.parametrize("hide", [True, False])
@pytest.mark.parametrize("says", ANSWERS)
async def test_an_answer_is_the_same_whole_or_in_pieces(server: OpenAIServer, says: Says, *, hide: bool) -> None:
    server.script(says, says)

    async def end(*, streams: bool) -> object:
        try:
            outcome = await it.outcome("question", streams=streams)
        except AnswerFailed as error:
            return error.reason, str(error)
        said = remembered(outcome)
        return (
            outcome.replies,
            said.exchange,
            said.provenance.model,
            said.provenance.input_tokens,
            said.provenance.output_tokens,
        )

    async with open_chains_harness(server.base_url, chat={"hide_thinking": hide}) as it:
        assert await end(streams=False) == await end(streams=True)


@pytest.mark.parametrize(
    "says",
    [
        pytest.param(Says("<think>let me see\nhm</think>Paris."), id="thought in tags"),
        pytest.param(Says("Paris.", reasoning="let me see\nhm"), id="thought beside the answer"),
        pytest.param(Says("hm</think>Paris.", reasoning="let me see"), id="some of it here, some there"),
    ],
)
async def test_thoughts_are_hidden_or_shown_as_a_quote_and_never_remembered(server: OpenAIServer, says: Says) -> None:
    server.script(says, says)

    async with open_chains_harness(server.base_url) as it:
        hidden = await it.outcome("question")
    async with open_chains_harness(server.base_url, chat={"hide_thinking": False}) as it:
        shown = await it.outcome("question")

    assert (TextReply("Paris."),) == hidden.replies
    assert (TextReply("> let me see\n> hm\n\nParis."),) == shown.replies
    assert "Paris." == remembered(hidden).exchange.answer == remembered(shown).exchange.answer


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        pytest.param(Says(""), "model.empty", id="nothing"),
        pytest.param(Says(None), "model.empty", id="null"),
        pytest.param(Says(" \n"), "model.empty", id="white space"),
        pytest.param(Says("\u200b\u200b"), "model.empty", id="invisible characters"),
        pytest.param(Says("\ufeff"), "model.empty", id="a byte order mark"),
        pytest.param(Says("<think>and then", finish="length"), "model.no_room", id="a thought that used all tokens up"),
        pytest.param(Says("", reasoning="only thoughts"), "model.empty", id="reasoning alone"),
        pytest.param(Says("", finish="content_filter"), "model.filtered", id="nothing, because it was filtered"),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
async def test_no_words_are_no_answer(server: OpenAIServer, says: Says, reason: str, *, streams: bool) -> None:
    server.script(says)

    async with open_chains_harness(server.base_url) as it:
        with pytest.raises(AnswerFailed) as raised:
            await it.outcome("question", streams=streams)

    assert reason == raised.value.reason


@pytest.mark.parametrize("streams", [False, True])
async def test_an_answer_without_end_is_cut_and_the_person_and_the_log_are_told(
    server: OpenAIServer, *, streams: bool
) -> None:
    server.script(Says("字" * (MOST_CHARACTERS + 1), pieces=40))

    async with open_chains_harness(server.base_url) as it:
        with capture_logs() as logs:
            outcome = await it.outcome("question", streams=streams)

    text, notice = outcome.replies
    assert TextReply("字" * MOST_CHARACTERS) == text
    assert TextReply("（回答太长，到这里为止。要接着看，请回复“继续”。）") == notice
    assert ["answer_cut"] == [line["event"] for line in logs]


async def test_a_refusal_in_words_is_an_answer(server: OpenAIServer) -> None:
    server.script(Says(None, refusal="I'd rather not."))

    async with open_chains_harness(server.base_url) as it:
        assert "I'd rather not." == await it.said("question")


async def test_of_a_refusal_so_much_is_heard_and_no_more(server: OpenAIServer) -> None:
    server.script(Says(None, refusal="否" * (MOST_CHARACTERS + 1)))

    async with open_chains_harness(server.base_url) as it:
        assert "否" * MOST_CHARACTERS == await it.said("question")


ESTIMATE = (7, 2)
"""For "question" and "Yes."."""


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"prompt_tokens": 5.0, "completion_tokens": 6.9}, (5, 6)),
        ({"prompt_tokens": "many", "completion_tokens": 6, "prompt_tokens_details": "none"}, (ESTIMATE[0], 6)),
        ({"prompt_tokens": 5, "completion_tokens": 6, "prompt_tokens_details": {"cached_tokens": "x"}}, (5, 6)),
        ({"prompt_tokens": None, "completion_tokens": [6]}, ESTIMATE),
        ([], ESTIMATE),
        ("none", ESTIMATE),
    ],
)
async def test_what_is_no_count_of_tokens_costs_nobody_the_answer(
    server: OpenAIServer, usage: object, counted: tuple[int, int]
) -> None:
    choice = {"message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}
    server.script(Raw(json.dumps({"model": "m", "choices": [choice] * 5000, "usage": usage}).encode()))

    async with open_chains_harness(server.base_url) as it:
        outcome = await it.outcome("question")

    made = remembered(outcome).provenance
    assert (TextReply("Yes."),) == outcome.replies
    assert counted == (made.input_tokens, made.output_tokens)
    assert {int} == {type(made.input_tokens), type(made.output_tokens)}


@pytest.mark.parametrize("streams", [False, True])
async def test_a_cancelled_turn_hangs_up_on_the_model(server: OpenAIServer, *, streams: bool) -> None:
    server.script(Hangs())

    async with open_chains_harness(server.base_url) as it:
        turn = asyncio.create_task(it.steps("question", streams=streams))
        await server.until(lambda: len(server.asked) == 1)
        turn.cancel()
        with pytest.raises(asyncio.CancelledError):
            await turn
        await server.until(lambda: server.hung_up == 1)


async def test_a_channel_that_stops_listening_hangs_up_on_the_model(server: OpenAIServer) -> None:
    server.script(Says("word " * 10, pieces=5, hangs_after=4))

    async with (
        open_chains_harness(server.base_url) as it,
        aclosing(it.chains.answer(ask("question", streams=True))) as steps,
    ):
        async for step in steps:
            assert isinstance(step, PartialAnswer)
            break
        await steps.aclose()
        await server.until(lambda: server.hung_up == 1)


async def test_many_conversations_wait_for_the_model_at_once(server: OpenAIServer) -> None:
    everybody = 250
    go = asyncio.Event()
    server.script(*(Held(go, Says(f"answer {number}")) for number in range(everybody)))

    async with open_chains_harness(server.base_url) as it:
        turns = [asyncio.create_task(it.said(f"question {number}")) for number in range(everybody)]
        await server.until(lambda: len(server.asked) == everybody)
        go.set()
        answers = await asyncio.gather(*turns)

    assert everybody == server.most_open
    assert {f"answer {number}" for number in range(everybody)} == set(answers)


@settings(max_examples=25)
@given(text=st.text(max_size=200), pieces=st.integers(1, 9))
async def test_any_text_a_model_says_can_be_stored(text: str, pieces: int) -> None:
    async with OpenAIServer() as server, open_chains_harness(server.base_url) as it:
        server.script(Says(f"x{text}x", pieces=pieces), Says(f"x{text}x"))
        streamed = remembered(await it.outcome("question", streams=True)).exchange.answer
        whole = remembered(await it.outcome("question")).exchange.answer

    assert whole == streamed
    assert "\x00" not in whole
    assert whole == whole.encode().decode()
