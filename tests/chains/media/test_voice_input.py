"""Voice messages in, and answers read aloud."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from chains.catalog.catalog import ChainCatalog
from chains.catalog.config import ChainConfig
from chains.media.speech import MOST
from chains.media.speech_text import speech_text
from chains.models.prices import MILLION
from pipeline.answer import ConversationContext, FailedUsage, Outcome, PartialAnswer, Provenance, TokenUsage
from pipeline.errors import AnswerFailed, TryAgain, Undeliverable, wasted_of
from pipeline.events import Person, Voice
from pipeline.ports import Spending
from pipeline.replies import StoredMedia, TextReply, VoiceReply
from pipeline.spending import SpentTotals
from pipeline.text.i18n import Catalogue
from storage.media.audio import StoredAudio
from storage.media.files import MediaFolder
from tests.chains.harness import PLAIN_CHAIN, ChainsHarness, RecentMemory, ask, open_chains_harness, remembered
from tests.fakes.accounts import FakeAccounts
from tests.fakes.openai_media import HEARD
from tests.fakes.openai_server import Act, Asked, Fails, OpenAIServer, Raw, Says
from tests.fakes.recordings import amr_seconds, heard, tone, wav

ZH = Catalogue("zh")
Spoken = Literal["never", "to_voice", "always"]
LISTENS, SPEAKS, CHATS = "/v1/audio/transcriptions", "/v1/audio/speech", "/v1/chat/completions"
QUOTED = f"> 🎤 {HEARD}"


class Script(OpenAIServer):
    """Answers each path as a test says, and by itself otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.acts: dict[str, Act] = {CHATS: Says("晴，25 度。")}

    def act_for(self, asked: Asked) -> Act:
        if asked.path in self.acts:
            self.script(self.acts[asked.path])
        return super().act_for(asked)

    def bodies_of(self, path: str) -> list[dict[str, Any]]:
        return [asked.body for asked in self.asked if asked.path == path]


@dataclass
class Phone:
    """A person who speaks: media ids say what is to be fetched."""

    it: ChainsHarness
    media: MediaFolder
    recording: bytes

    async def fetch(self, media_id: str) -> StoredMedia:
        if media_id == "gone":
            raise Undeliverable("40007")
        return await self.media.keep(self.recording, mime="audio/amr", name="voice.amr")

    async def steps(self, media_id: str = "voice", *, streams: bool = False) -> list[Any]:
        one = ask(Voice(media_id, "amr"), streams=streams)
        return [step async for step in self.it.chains.answer(replace(one, fetch=self.fetch))]

    async def outcome(self, media_id: str = "voice") -> Outcome:
        outcome = (await self.steps(media_id))[-1]
        assert isinstance(outcome, Outcome)
        return outcome


@pytest.fixture
async def model() -> AsyncIterator[Script]:
    async with Script() as opened:
        yield opened


@asynccontextmanager
async def phone(
    folder: Path,
    model: OpenAIServer,
    *chains: ChainConfig,
    chain: ChainConfig = PLAIN_CHAIN,
    spending: Spending | None = None,
    memory: RecentMemory | None = None,
    **speech: object,
) -> AsyncIterator[Phone]:
    media = MediaFolder(folder / "media")
    sounds = StoredAudio(media)
    (spoken,) = await sounds.keep(tone(2.0), name="voice")
    catalog = ChainCatalog({each.name: each for each in (chain, *chains)})
    models = {"speech": {"model": "whisper", "base_url": model.base_url, "max_retries": 0, **speech}}
    budgets = {"per_user_per_day": 1.0} if spending is not None else {}
    async with open_chains_harness(
        model.base_url,
        memory=memory,
        catalog=catalog,
        models=models,
        sounds=sounds,
        spending=spending,
        budgets=budgets,
    ) as it:
        yield Phone(it, media, await media.read(spoken))


class BreakingMemory(RecentMemory):
    """Raises what it is given, one after the other, before it remembers."""

    errors: list[Exception]

    async def load(self, person: Person, *, turns: int, idle_minutes: int) -> ConversationContext:
        if self.errors:
            raise self.errors.pop(0)
        return await super().load(person, turns=turns, idle_minutes=idle_minutes)


async def test_a_voice_message_is_answered_below_what_was_understood(tmp_path: Path, model: Script) -> None:
    async with phone(tmp_path, model) as it:
        outcome = await it.outcome()

    said = remembered(outcome).exchange
    assert (TextReply(f"{QUOTED}\n\n晴，25 度。"),) == outcome.replies
    assert (HEARD, "晴，25 度。") == (said.question, said.answer)
    assert HEARD == model.bodies_of(CHATS)[0]["messages"][-1]["content"]


async def test_of_words_without_end_the_beginning_is_heard(tmp_path: Path, model: Script) -> None:
    model.acts[LISTENS] = Raw(json.dumps({"text": "啊" * 300_000}).encode())
    async with phone(tmp_path, model) as it:
        outcome = await it.outcome()

    assert "啊" * 20_000 == remembered(outcome).exchange.question


async def test_the_listening_model_gets_a_wave_and_what_the_settings_say(tmp_path: Path, model: Script) -> None:
    async with phone(tmp_path, model, language="zh", voice="nova", prompt="企业微信") as it:
        await it.outcome()

    (form,) = model.bodies_of(LISTENS)
    name, wave = form.pop("file")
    rate, seconds, hertz = heard(wave)
    assert {"model": "whisper", "response_format": "json", "language": "zh", "prompt": "企业微信"} == form
    assert "voice.wav" == name
    assert pytest.approx((16_000, 2.0, 440), rel=0.03) == (rate, seconds, hertz)


async def test_what_was_understood_stands_above_every_draft(tmp_path: Path, model: Script) -> None:
    async with phone(tmp_path, model) as it:
        steps = await it.steps(streams=True)

    drafts = [step.text for step in steps if isinstance(step, PartialAnswer)]
    assert drafts
    assert all(text.startswith(QUOTED) for text in drafts)


async def test_what_was_understood_is_quoted_as_words(tmp_path: Path, model: Script) -> None:
    model.acts[LISTENS] = Raw(json.dumps({"text": " *粗体*\n# 标题 "}).encode())
    async with phone(tmp_path, model) as it:
        (reply,) = (await it.outcome()).replies

    assert TextReply("> 🎤 \\*粗体\\* \\# 标题\n\n晴，25 度。") == reply


async def test_a_spoken_keyword_reaches_its_chain(tmp_path: Path, model: Script) -> None:
    weather = ChainConfig(name="weather", keywords=("天气",), system_prompt="You know the weather.")
    async with phone(tmp_path, model, weather) as it:
        outcome = await it.outcome()

    assert "weather" == remembered(outcome).provenance.chain


async def test_listening_and_speaking_have_the_prices_of_their_table(tmp_path: Path, model: Script) -> None:
    usage = {"type": "tokens", "input_tokens": 50, "output_tokens": 7}
    model.acts[LISTENS] = Raw(json.dumps({"text": HEARD, "usage": usage}).encode())
    prices: dict[str, Any] = {"call_price": 0.25, "input_price": 2.0, "output_price": 8.0}
    chain = ChainConfig(name="default", spoken="to_voice")
    async with phone(tmp_path, model, chain=chain, speaking_model="tts", **prices) as it:
        made_by = remembered(await it.outcome()).provenance

    listened = TokenUsage("whisper", 50, 7, 250_000 + 50 * 2 + 7 * 8)
    assert (TokenUsage("tts", 0, 0, 250_000), listened) == made_by.other_usage
    assert 500_000 + 50 * 2 + 7 * 8 == made_by.cost
    assert (11 + 50, 7 + 7) == (made_by.input_tokens, made_by.output_tokens)


async def test_listening_is_paid_also_where_no_answer_comes(tmp_path: Path, model: Script) -> None:
    async with phone(tmp_path, model, call_price=0.25) as it:
        model.acts[CHATS] = Fails(400, code="whatever")
        with pytest.raises(AnswerFailed) as failed:
            await it.outcome()
        model.acts[LISTENS] = Raw(b'{"text": ""}')
        silence = await it.outcome()

    lost = FailedUsage(Provenance("speech", "", "whisper", cost=250_000))
    assert (lost,) == failed.value.wasted
    assert Outcome((TextReply(ZH.text("voice.nothing")),), (lost,)) == silence


@pytest.mark.parametrize("error", [TryAgain("the database is away"), RuntimeError("a bug")], ids=["away", "a bug"])
async def test_what_was_understood_is_kept_for_the_turn_that_is_put_off(
    tmp_path: Path, model: Script, error: Exception
) -> None:
    memory = BreakingMemory()
    memory.errors = [error, error]
    async with phone(tmp_path, model, memory=memory, call_price=0.25) as it:
        with pytest.raises(type(error)) as first:
            await it.outcome()
        noted = wasted_of(first.value)
        error.__dict__.clear()
        with pytest.raises(type(error)) as second:
            await it.outcome()
        answered = await it.outcome()
        once = len(model.bodies_of(LISTENS))
        await it.outcome()

    assert 1 == once
    assert (TextReply(f"{QUOTED}\n\n晴，25 度。"),) == answered.replies
    # Paid once, and recorded with the first attempt.
    assert (FailedUsage(Provenance("speech", "", "whisper", cost=250_000)),) == noted
    assert () == wasted_of(second.value)
    assert 0 == remembered(answered).provenance.cost
    # Another message of the same sound is another message.
    assert 2 == len(model.bodies_of(LISTENS))


async def test_nothing_is_listened_to_that_the_budget_cannot_pay(tmp_path: Path, model: Script) -> None:
    spent = FakeAccounts(SpentTotals(MILLION, MILLION))
    async with phone(tmp_path, model, spending=spent, call_price=0.25) as it:
        (reply,) = (await it.outcome()).replies

    assert isinstance(reply, TextReply)
    assert "额度已经用完" in reply.text
    assert [] == model.asked


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [(b'{"text": ""}', "voice.nothing"), (b'{"text": " \\n"}', "voice.nothing")],
)
async def test_silence_is_said_to_be_silence(tmp_path: Path, model: Script, answer: bytes, sentence: str) -> None:
    model.acts[LISTENS] = Raw(answer)
    async with phone(tmp_path, model) as it:
        outcome = await it.outcome()

    assert Outcome((TextReply(ZH.text(sentence)),)) == outcome
    assert [] == model.bodies_of(CHATS)


async def test_a_recording_that_is_gone_or_of_no_known_format_is_said_to_be(tmp_path: Path, model: Script) -> None:
    async with phone(tmp_path, model) as it:
        gone = await it.outcome("gone")
        it.recording = b"\x02#!SILK_V3" + bytes(99)
        unreadable = await it.outcome()
        it.recording = wav(bytes(2 * 4000 * 301), rate=4000)
        long = await it.outcome()

    assert Outcome((TextReply(ZH.text("voice.too_long", most=5)),)) == long
    assert Outcome((TextReply(ZH.text("voice.gone")),)) == gone
    assert Outcome((TextReply(ZH.text("voice.unreadable")),)) == unreadable


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (Fails(401), "model.key"),
        (Fails(500), "model.broken"),
        (Raw(b"<html>"), "model.garbled"),
        (Raw(b"{}"), "model.garbled"),
    ],
    ids=str,
)
async def test_what_the_listening_model_does_wrong_is_told(
    tmp_path: Path, model: Script, act: Act, reason: str
) -> None:
    model.acts[LISTENS] = act
    async with phone(tmp_path, model) as it:
        with pytest.raises(AnswerFailed) as failed:
            await it.outcome()

    assert reason == failed.value.reason


async def test_where_nobody_listens_that_is_said(model: Script) -> None:
    async with open_chains_harness(model.base_url) as it:
        assert ZH.text("voice.deaf") == await it.said(Voice("m", "amr"))


@pytest.mark.parametrize(("spoken", "voices"), [("never", 0), ("to_voice", 1), ("always", 1)])
async def test_a_chain_may_answer_a_voice_with_a_voice(
    tmp_path: Path, model: Script, spoken: Spoken, voices: int
) -> None:
    chain = ChainConfig(name="default", spoken=spoken)
    async with phone(tmp_path, model, chain=chain, speaking_model="tts", voice="nova") as it:
        _, *others = (await it.outcome()).replies
        lengths = [amr_seconds(await it.media.read(reply.media)) for reply in others if isinstance(reply, VoiceReply)]

    assert voices == len(others)
    assert [pytest.approx(1.0, abs=0.05)] * voices == lengths
    asked = {"model": "tts", "input": "晴，25 度。", "voice": "nova", "response_format": "wav"}
    assert [asked] * voices == model.bodies_of(SPEAKS)


@pytest.mark.parametrize(("spoken", "voices"), [("to_voice", 0), ("always", 1)])
async def test_a_chain_may_answer_words_with_a_voice_too(
    tmp_path: Path, model: Script, spoken: Spoken, voices: int
) -> None:
    chain = ChainConfig(name="default", spoken=spoken)
    async with phone(tmp_path, model, chain=chain, speaking_model="tts") as it:
        replies = (await it.it.outcome("你好")).replies

    assert TextReply("晴，25 度。") == replies[0]
    assert voices == len(replies) - 1


@pytest.mark.parametrize("act", [Fails(500), Raw(b"<html>"), Raw(b"", content_type="audio/wav")], ids=str)
async def test_an_answer_that_cannot_be_read_aloud_is_still_written(tmp_path: Path, model: Script, act: Act) -> None:
    model.acts[SPEAKS] = act
    chain = ChainConfig(name="default", spoken="always")
    async with phone(tmp_path, model, chain=chain, speaking_model="tts") as it:
        outcome = await it.it.outcome("你好")

    assert (TextReply("晴，25 度。"),) == outcome.replies


@pytest.mark.parametrize("answer", ["长" * (MOST + 1), "```python\nprint()\n```"], ids=["long", "code alone"])
async def test_what_nobody_would_listen_to_is_not_read_aloud(tmp_path: Path, model: Script, answer: str) -> None:
    model.acts[CHATS] = Says(answer)
    chain = ChainConfig(name="default", spoken="always")
    async with phone(tmp_path, model, chain=chain, speaking_model="tts") as it:
        outcome = await it.it.outcome("你好")

    assert 1 == len(outcome.replies)
    assert [] == model.bodies_of(SPEAKS)


def test_what_is_said_has_no_markup() -> None:
    answer = """# 结论

**今天**晴，见 [气象台](https://example.com/a)，或 https://example.com/b 。

- 第一 `条`
- 第二条

| 时间 | 天气 |
|---|---|
| 早 | 晴 |

```sh
curl wttr.in
```
"""

    assert "结论\n今天晴，见 气象台，或 。\n第一 条\n第二条\n时间\n天气\n早\n晴" == speech_text(answer)
