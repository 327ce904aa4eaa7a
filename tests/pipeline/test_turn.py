"""One turn, from accepted event to delivered reply, among named fakes."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
import structlog
from structlog.testing import capture_logs

from pipeline.answer import (
    FailedUsage,
    Notice,
    Outcome,
    PartialAnswer,
    PersonaSet,
    Provenance,
)
from pipeline.errors import AnswerFailed, LaneLost, TryAgain, Undeliverable, add_wasted
from pipeline.events import Image, InboundEvent, Person, Text
from pipeline.ports import AnswerDocuments
from pipeline.replies import (
    DocumentPart,
    FilePart,
    Part,
    Receipt,
    Reply,
    Silence,
    StoredMedia,
    TextPart,
    TextReply,
)
from pipeline.settings import Limits
from pipeline.steps.guards import AllowList, Guard, RateLimit
from pipeline.text.i18n import Catalogue
from pipeline.turn import Turns
from pipeline.turn_state import (
    Finished,
    OutgoingPart,
    Postponed,
    Turn,
)
from tests.fakes.turns import FakeAnswerer, FakeChannel, FakeJournal

# Read here: catalogues are files, and files are not for the event loop.
ZH = Catalogue("zh")
ZHANG = Person("fake", "张三")


def a_turn(*, attempts: int = 0, parts: tuple[OutgoingPart, ...] | None = None, at: float = 0.0, n: int = 7) -> Turn:
    event = InboundEvent("k", ZHANG, Text("你好"), datetime(2026, 11, 22, tzinfo=UTC))
    return Turn(n, "fake/张三", 1, event, at, attempts, parts)


def turns(
    channel: FakeChannel,
    answerer: FakeAnswerer,
    journal: FakeJournal,
    *,
    guards: tuple[Guard, ...] = (),
    limits: Limits | None = None,
    thinking_seconds: float = 0.0,
    documents: AnswerDocuments | None = None,
) -> Turns:
    return Turns(
        channels={"fake": channel},
        chains={"fake": "default"},
        answerer=answerer,
        guards=guards,
        journal=journal,
        catalogue=ZH,
        limits=limits or Limits(),
        thinking_seconds=thinking_seconds,
        documents=documents,
    )


def said(text: str) -> Outcome:
    return Outcome((TextReply(text),))


async def test_parts_are_sent_in_order_and_the_last_is_noted_with_the_verdict() -> None:
    channel, journal = FakeChannel(), FakeJournal()
    verdict = await turns(channel, FakeAnswerer(said("一|二|三")), journal).run(a_turn())

    assert ["一", "二", "三"] == channel.sent
    assert [(0, "m1"), (1, "m2")] == journal.noted
    assert isinstance(verdict, Finished)
    assert verdict.sent is not None
    assert ("done", 2, "m3") == (verdict.state, verdict.sent[0].index, verdict.sent[1].message_id)


async def test_a_recorded_answer_is_sent_on_without_asking_again() -> None:
    channel, answerer = FakeChannel(), FakeAnswerer(error=AssertionError("asked again"))
    rest = (OutgoingPart(1, TextPart("二", "text")),)
    verdict = await turns(channel, answerer, FakeJournal()).run(a_turn(parts=rest))

    assert ["二"] == channel.sent
    assert isinstance(verdict, Finished)
    assert [] == answerer.asked


async def test_silence_changes_nothing_and_sends_nothing() -> None:
    channel, journal = FakeChannel(), FakeJournal()
    verdict = await turns(channel, FakeAnswerer(Outcome((Silence(),))), journal).run(a_turn())

    assert Finished("done") == verdict
    assert [] == channel.sent + journal.recorded


async def test_a_change_is_recorded_even_when_nothing_is_said() -> None:
    journal = FakeJournal()
    outcome = Outcome((), (PersonaSet("海盗"),))
    verdict = await turns(FakeChannel(), FakeAnswerer(outcome), journal).run(a_turn())

    assert [(outcome, "")] == journal.recorded
    assert Finished("done") == verdict


async def test_a_notice_goes_out_at_once_and_drafts_wait_for_the_whole() -> None:
    channel = FakeChannel()
    await turns(channel, FakeAnswerer(Notice("正在画"), PartialAnswer("半"), said("全")), FakeJournal()).run(a_turn())

    assert ["正在画", "全"] == channel.sent


async def test_a_notice_that_cannot_be_sent_does_not_hold_the_answer_up() -> None:
    def refuse(text: str) -> None:
        if text == "正在画":
            raise Undeliverable("no")

    channel = FakeChannel(refuse)
    await turns(channel, FakeAnswerer(Notice("正在画"), said("全")), FakeJournal()).run(a_turn())

    assert ["全"] == channel.sent


@pytest.mark.parametrize(
    ("answerer", "sentence"),
    [
        pytest.param(
            FakeAnswerer(error=AnswerFailed("HTTP 401", reason="turn.failed")), "turn.failed", id="the model failed"
        ),
        pytest.param(FakeAnswerer(), "turn.failed", id="the chain ended without an outcome"),
    ],
)
async def test_a_failure_becomes_an_apology_with_a_trace_id(answerer: FakeAnswerer, sentence: str) -> None:
    channel, journal = FakeChannel(), FakeJournal()
    verdict = await turns(channel, answerer, journal).run(a_turn())

    assert [ZH.text(sentence, trace="7")] == channel.sent
    assert isinstance(verdict, Finished)
    assert "failed" == verdict.state
    assert verdict.reason


@pytest.mark.parametrize("error", [TryAgain("busy"), ValueError("a bug")], ids=["a passing fault", "a bug"])
async def test_a_passing_fault_puts_the_turn_off_until_its_attempts_are_used_up(error: Exception) -> None:
    channel = FakeChannel()
    first = await turns(channel, FakeAnswerer(error=error), FakeJournal()).run(a_turn())
    last = await turns(channel, FakeAnswerer(error=error), FakeJournal()).run(a_turn(attempts=2))

    assert isinstance(first, Postponed)
    assert isinstance(last, Finished)
    assert "failed" == last.state
    assert 1 == len(channel.sent)


@pytest.mark.parametrize("error", [TryAgain("away"), ValueError("a bug")], ids=["a passing fault", "a bug"])
async def test_what_models_took_for_an_answer_that_is_put_off_is_recorded_with_that(error: Exception) -> None:
    took = FailedUsage(Provenance("speech", "", "whisper", cost=250_000))
    add_wasted(error, took)
    verdict = await turns(FakeChannel(), FakeAnswerer(error=error), FakeJournal()).run(a_turn())

    assert isinstance(verdict, Postponed)
    assert (took,) == verdict.wasted


async def test_an_answer_that_takes_too_long_is_given_up() -> None:
    channel, answerer = FakeChannel(), FakeAnswerer(said("太晚"))
    answerer.gate.clear()
    verdict = await turns(channel, answerer, FakeJournal(), limits=Limits(turn_seconds=0.05)).run(a_turn())

    assert [ZH.text("turn.timeout", trace="7")] == channel.sent
    assert isinstance(verdict, Finished)
    assert "failed" == verdict.state


async def test_while_an_answer_takes_long_one_word_goes_out() -> None:
    channel, answerer = FakeChannel(), FakeAnswerer(said("好了"))
    answerer.gate.clear()
    running = asyncio.create_task(turns(channel, answerer, FakeJournal(), thinking_seconds=0.01).run(a_turn()))
    await channel.sending.wait()
    answerer.gate.set()
    await running

    assert [ZH.text("turn.thinking"), "好了"] == channel.sent


def refusing(error: Exception) -> Callable[[str], None]:
    def refuse(_: str) -> None:
        raise error

    return refuse


@pytest.mark.parametrize(
    ("error", "attempts", "expected"),
    [
        pytest.param(TryAgain("-1", after=9), 0, "off for 9 s, blamed", id="as long as the channel says"),
        pytest.param(TryAgain("-1"), 3, "off for 8 s, blamed", id="longer with each attempt"),
        pytest.param(TryAgain("-1", after=9), 11, "undelivered", id="not for ever"),
        pytest.param(TryAgain("wait", after=40, blameless=True), 11, "off for 40 s", id="our own wait is no attempt"),
        pytest.param(Undeliverable("81013"), 0, "undelivered", id="what will never arrive is kept at once"),
        pytest.param(ValueError("a bug"), 0, "off for 1 s, blamed", id="a bug in the adapter loses nothing"),
    ],
)
async def test_a_part_that_cannot_be_sent(error: Exception, attempts: int, expected: str) -> None:
    part = OutgoingPart(0, TextPart("话", "text"), attempts)
    verdict = await turns(FakeChannel(refusing(error)), FakeAnswerer(), FakeJournal()).run(a_turn(parts=(part,)))
    got: str
    match verdict:
        case Finished(state):
            got = state
        case Postponed():
            got = f"off for {verdict.after:g} s" + (", blamed" if verdict.blamed else "")

    assert expected == got


async def test_a_fault_of_the_set_up_calls_the_operator() -> None:
    part = OutgoingPart(0, TextPart("绝密", "text"))
    error = TryAgain("60020: not in the allow-list", after=60, alert=True)
    with structlog.testing.capture_logs() as logged:
        await turns(FakeChannel(refusing(error)), FakeAnswerer(), FakeJournal()).run(a_turn(parts=(part,)))

    assert [("operator_needed", "error")] == [(line["event"], line["log_level"]) for line in logged]
    assert "绝密" not in repr(logged)


async def test_a_cancelled_send_is_finished_and_noted_before_the_cancellation_goes_on() -> None:
    channel, journal = FakeChannel(), FakeJournal()
    channel.gate.clear()
    running = asyncio.create_task(turns(channel, FakeAnswerer(said("只有一段")), journal).run(a_turn()))
    await channel.sending.wait()
    running.cancel()
    channel.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert ["只有一段"] == channel.sent
    assert [(0, "m1")] == journal.noted


async def test_a_lost_lane_sends_nothing() -> None:
    channel, journal = FakeChannel(), FakeJournal()
    journal.lost = True
    with pytest.raises(LaneLost):
        await turns(channel, FakeAnswerer(said("话")), journal).run(a_turn())

    assert [] == channel.sent


async def test_a_channel_that_left_the_settings_fails_its_turns() -> None:
    gone = InboundEvent("k", Person("old", "a"), Text(""), datetime(2026, 11, 22, tzinfo=UTC))
    verdict = await turns(FakeChannel(), FakeAnswerer(), FakeJournal()).run(Turn(1, "old/a", 1, gone, 0.0))

    assert isinstance(verdict, Finished)
    assert "failed" == verdict.state


class TestGuards:
    async def test_everybody_may_when_nobody_is_named(self) -> None:
        assert await AllowList((), (), {}).check(a_turn()) is None

    @pytest.mark.parametrize(
        ("users", "departments", "member_of", "allowed"),
        [
            pytest.param(("张三",), (), (), True, id="by name"),
            pytest.param(("lisi",), (), (), False, id="not named"),
            pytest.param(("*",), (), (), True, id="a star is everybody, as it is for models"),
            pytest.param(("lisi", "*"), (3,), (1,), True, id="a star beside others"),
            pytest.param((), (2,), (1, 2), True, id="by department"),
            pytest.param((), (3,), (1, 2), False, id="of another department"),
        ],
    )
    async def test_who_may(
        self, users: tuple[str, ...], departments: tuple[int, ...], member_of: tuple[int, ...], *, allowed: bool
    ) -> None:
        channel = FakeChannel()
        channel.departments = member_of
        refusal = await AllowList(users, departments, {"fake": channel}).check(a_turn())

        assert allowed == (refusal is None)

    async def test_the_first_message_too_many_is_answered_and_the_rest_of_the_minute_passed_over(self) -> None:
        pace = RateLimit(2)
        refusals = [await pace.check(a_turn(at=at)) for at in (0.0, 1.0, 2.0, 3.0, 61.5)]
        got = ["" if refusal is None else refusal.reason or "silence" for refusal in refusals]

        assert ["", "", "guard.too_fast", "silence", ""] == got

    async def test_pictures_in_one_message_with_words_are_not_counted_beside_them(self) -> None:
        pace, turn = RateLimit(1), a_turn(at=0.0)
        picture = replace(turn, event=replace(turn.event, content=Image("p", beside_words=True)))

        assert [None] * 4 == [await pace.check(each) for each in (picture, picture, picture, turn)]
        assert await pace.check(turn) is not None

    async def test_the_log_has_the_reason_of_a_refusal_that_says_nothing(self) -> None:
        guards = (RateLimit(1),)
        with capture_logs() as logs:
            for at in (0.0, 1.0, 2.0):
                await turns(FakeChannel(), FakeAnswerer(said("hi")), FakeJournal(), guards=guards).run(a_turn(at=at))

        assert ["guard.too_fast"] * 2 == [line["reason"] for line in logs if line["event"] == "turn_refused"]

    async def test_a_turn_begun_again_is_not_counted_twice(self) -> None:
        pace = RateLimit(1)
        await pace.check(a_turn(at=0.0))

        assert await pace.check(a_turn(at=0.0, attempts=1)) is None

    async def test_a_refused_person_is_told_and_the_model_is_not_asked(self) -> None:
        channel, answerer = FakeChannel(), FakeAnswerer(said("不该说"))
        guards = (AllowList(("lisi",), (), {}),)
        await turns(channel, answerer, FakeJournal(), guards=guards).run(a_turn())

        assert [ZH.text("guard.not_allowed")] == channel.sent
        assert [] == answerer.asked


class LongWinded(FakeChannel):
    """Sends every answer as its beginning and a document."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[Part] = []

    def render(self, replies: Sequence[Reply]) -> tuple[Part, ...]:
        return *super().render(replies), DocumentPart("回答.md", "全文")

    async def send(self, person: Person, part: Part) -> Receipt:
        assert person == ZHANG
        self.parts.append(part)
        return Receipt("")


@dataclass
class FakeDocuments:
    """Implements `AnswerDocuments` for one person's answer, or raises."""

    error: Exception | None = None
    person: Person = ZHANG

    async def document(self, person: Person, question: str, answer: str) -> StoredMedia | None:
        assert (self.person, "你好", "全文") == (person, question, answer)
        if self.error is not None:
            raise self.error
        return PAGES


PAGES = StoredMedia("a" * 64, "application/pdf", "你好.pdf", 9)


@pytest.mark.parametrize(
    ("documents", "file"),
    [
        pytest.param(FakeDocuments(), FilePart(PAGES), id="as pages"),
        pytest.param(
            FakeDocuments(RuntimeError()), DocumentPart("回答.md", "全文"), id="as text where no pages can be made"
        ),
        pytest.param(None, DocumentPart("回答.md", "全文"), id="as text where nothing makes pages"),
    ],
)
async def test_a_long_answer_is_sent_as_a_document_below_its_beginning(
    documents: FakeDocuments | None, file: Part
) -> None:
    channel = LongWinded()
    await turns(channel, FakeAnswerer(said("开头")), FakeJournal(), documents=documents).run(a_turn())

    assert [TextPart("开头", "text"), file] == channel.parts
