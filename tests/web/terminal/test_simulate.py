"""`webot simulate`: a scripted conversation of many, and an honest reckoning."""

import asyncio
import io
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters.simulator.callback_sender import DeliveryResult
from adapters.simulator.faults import Drop, Errcode
from adapters.simulator.platform.timeline import Delivered, MemberAction
from pipeline.events import Clicked, Entered, Link, Location, Text
from storage.monitoring.status import TurnStatus
from tests.fakes.openai_server import Hangs, OpenAIServer
from tests.service import RunningService, running_service
from web.settings.loading import load
from web.simulate.player import Do, Plan, Send, Wait
from web.simulate.report import MemberRun, SentMessage, build_report, percentiles
from web.terminal.client import NotAnswered
from web.terminal.script import ScriptInvalid, read_script
from web.terminal.simulate import run_simulation

ROOT = Path(__file__).parents[3]
HELLO = (Do(content=Text("你好")), Do(content=Text("@help")), Do(content=Clicked("@clear")), Do(content=Text("再见")))


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    async with running_service(tmp_path) as opened:
        yield opened


async def simulate(service: RunningService, folder: Path, plan: Plan, channel: str = "") -> tuple[bool, dict[str, Any]]:
    loaded = await asyncio.to_thread(load, folder, {"WEBOT_SERVER__PORT": str(service.http.base_url.port)})
    written = io.StringIO()
    clean = await run_simulation(
        loaded, plan, folder=folder, channel=channel, as_json=True, stdout=written, stderr=io.StringIO()
    )
    return clean, json.loads(written.getvalue())


@pytest.mark.parametrize("rate", [None, 200.0], ids=["after the answer", "at a rate"])
async def test_everybody_is_answered_once_though_each_callback_comes_three_times(
    service: RunningService, tmp_path: Path, rate: float | None
) -> None:
    clean, report = await simulate(service, tmp_path, Plan(acts=HELLO, users=5, rate=rate, repeat=2, deliver=3))
    counted = {name: report[name] for name in ("sent", "accepted", "answered", "lost", "duplicated", "out_of_order")}

    assert clean
    assert {"sent": 40, "accepted": 40, "answered": 40, "lost": 0, "duplicated": 0, "out_of_order": 0} == counted
    assert 120 == service.simulator.counts.posted
    assert {} == service.simulator.faults.rules()
    assert 0 < report["reply_ms"]["p50"] <= report["reply_ms"]["p95"] <= report["reply_ms"]["max"]


@pytest.mark.parametrize("mode", ["connection", "callback"])
async def test_people_in_groups_of_a_bot_are_each_answered_once_and_in_order(tmp_path: Path, mode: str) -> None:
    environ = {"WEBOT_CHANNELS__BOT__KIND": "wecom_aibot", "WEBOT_CHANNELS__BOT__MODE": mode}
    async with running_service(tmp_path, environ) as service:
        service.simulator.bots.poller.pause = 0.1
        app = service.service.channels["bot"].simulated
        assert app is not None
        if mode == "connection":
            await service.simulator.bots.connected(app)
        plan = Plan(acts=HELLO[:2], users=6, groups=2, deliver=2)
        clean, report = await simulate(service, tmp_path, plan, channel="bot")
        with pytest.raises(NotAnswered, match="only AI bots have groups"):
            await simulate(service, tmp_path, plan, channel="wecom")

    assert (True, 12, 12, 0) == (clean, report["accepted"], report["answered"], report["duplicated"])


async def test_an_answer_that_came_twice_is_counted(service: RunningService, tmp_path: Path) -> None:
    # WeCom showed it, but the word that it did was lost: the one case in which a part may come twice.
    service.simulator.add_fault(Drop(done=True), route="message/send", calls=1)
    clean, report = await simulate(service, tmp_path, Plan(acts=HELLO[:1]))

    assert (False, 1, 1, 0) == (clean, report["answered"], report["duplicated"], report["lost"])


async def test_a_message_without_an_answer_is_lost(tmp_path: Path) -> None:
    async with OpenAIServer(otherwise=lambda _: Hangs()) as model:
        environ = {
            "WEBOT_MODELS__DEFAULT__BASE_URL": model.base_url,
            "WEBOT_MODELS__DEFAULT__API_KEY": "sk-test-0123456789",
            "WEBOT_MODELS__DEFAULT__MODEL": "test-model",
            "WEBOT_LIMITS__DRAIN_SECONDS": "0",
        }
        async with running_service(tmp_path, environ) as service:
            clean, report = await simulate(service, tmp_path, Plan(acts=HELLO[:1], users=2, patience=0.5))

    assert (False, 2, 0, 2) == (clean, report["accepted"], report["answered"], report["lost"])


async def test_an_answer_that_cannot_be_delivered_is_lost(service: RunningService, tmp_path: Path) -> None:
    service.simulator.add_fault(Errcode(81013), route="message/send", calls=1)
    clean, report = await simulate(service, tmp_path, Plan(acts=HELLO[:1]))

    assert (False, 1) == (clean, report["lost"])


async def test_how_long_answers_took_is_not_told_where_there_were_none(service: RunningService, tmp_path: Path) -> None:
    service.simulator.add_fault(Errcode(81013), route="message/send", calls=1)
    loaded = await asyncio.to_thread(load, tmp_path, {"WEBOT_SERVER__PORT": str(service.http.base_url.port)})
    written = io.StringIO()
    plan = Plan(acts=HELLO[:1])
    await run_simulation(loaded, plan, folder=tmp_path, channel="", as_json=False, stdout=written, stderr=io.StringIO())
    table = [line.split() for line in written.getvalue().splitlines()]

    assert ["回答耗时", "p50", "–"] in table
    assert ["接收耗时", "p50", "ms"] in [[*line[:2], line[-1]] for line in table if line]


async def test_a_channel_there_is_not_is_named_with_those_there_are(service: RunningService, tmp_path: Path) -> None:
    loaded = await asyncio.to_thread(load, tmp_path, {"WEBOT_SERVER__PORT": str(service.http.base_url.port)})
    written = io.StringIO()
    with pytest.raises(NotAnswered, match="there is no simulated channel 'nosuch'; there are wecom"):
        await run_simulation(
            loaded,
            Plan(acts=HELLO[:1]),
            folder=tmp_path,
            channel="nosuch",
            as_json=True,
            stdout=written,
            stderr=written,
        )


def delivery(number: int, msgid: str, text: str = "") -> Delivered:
    return Delivered(number, 100.0 + number, "ww", 1, "u", msgid, "text", text)


def spoke(number: int, *, status: int = 200) -> SentMessage:
    said = MemberAction(number, 100.0, "ww", 1, "u", str(number), Text("x"))
    return SentMessage(said, f"k{number}", DeliveryResult(str(number), (0, status), (0.25, 0.5)))


def track(number: int, *ids: str, lane: str = "c/u", state: str = "done", failure: str = "") -> tuple[str, TurnStatus]:
    return f"k{number}", TurnStatus(f"k{number}", number, lane, state, failure, ids)


@pytest.mark.parametrize(
    ("came", "tracks", "expected"),
    [
        pytest.param([delivery(3, "a"), delivery(4, "b")], [track(1, "a"), track(2, "b")], (2, 0, 0, 0), id="in order"),
        pytest.param([delivery(3, "b"), delivery(4, "a")], [track(1, "a"), track(2, "b")], (2, 0, 0, 1), id="swapped"),
        pytest.param(
            [delivery(3, "b"), delivery(4, "a")],
            [track(1, "a"), track(2, "b", lane="c/u/urgent")],
            (2, 0, 0, 0),
            id="@stop",
        ),
        pytest.param(
            [delivery(3, "a2"), delivery(4, "a1"), delivery(5, "b")],
            [track(1, "a1", "a2"), track(2, "b")],
            (2, 0, 0, 1),
            id="the parts of one answer swapped",
        ),
        pytest.param([delivery(3, "a")], [track(1, "a", "a2"), track(2)], (0, 1, 0, 0), id="a part that never came"),
        pytest.param([delivery(3, "a")], [track(1, "a")], (1, 1, 0, 0), id="an event nobody knows of"),
        pytest.param(
            [delivery(3, "a"), delivery(4, "z"), delivery(5, "n", "请稍候")],
            [track(1, "a"), track(2)],
            (1, 0, 1, 0),
            id="twice",
        ),
        pytest.param([], [track(1, state="undelivered"), track(2, state="waiting")], (0, 2, 0, 0), id="nothing came"),
    ],
)
def test_the_reckoning(
    came: Sequence[Delivered], tracks: Sequence[tuple[str, TurnStatus]], expected: tuple[int, int, int, int]
) -> None:
    part = MemberRun([spoke(1), spoke(2)], {message.msgid: message for message in came})
    report = build_report([part], dict(tracks), notices=frozenset({"请稍候"}), seconds=1.0)

    assert expected == (report.answered, report.lost, report.duplicated, report.out_of_order)
    assert 750.0 == report.accept_ms.max


def test_the_percentiles_are_those_of_the_nearest_rank() -> None:
    found = percentiles([n / 1000 for n in range(1, 101)])

    assert (50.0, 95.0, 99.0, 100.0) == pytest.approx((found.p50, found.p95, found.p99, found.max))
    assert 0.0 == percentiles([]).p99


def test_a_script_has_text_commands_and_more(tmp_path: Path) -> None:
    (tmp_path / "猫.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    script = tmp_path / "script.txt"
    script.write_text(
        "\ufeff# 开场\n你好 \n\n@help\n"
        '{"text": "两\\n行"}\n{"click": "@clear"}\n{"wait": 0.5}\n{"enter": true}\n{"image": "猫.png"}\n'
        '{"location": [39.9, 116.4, "天安门"]}\n{"link": ["标题", "https://a.b", "摘要"]}\n',
        encoding="utf-8",
    )

    assert (
        Do(content=Text("你好 ")),
        Do(content=Text("@help")),
        Do(content=Text("两\n行")),
        Do(content=Clicked("@clear")),
        Wait(seconds=0.5),
        Do(content=Entered()),
        Send.model_construct(kind="send", type="image", name="猫.png", data=b"\x89PNG\r\n\x1a\n"),
        Do(content=Location(39.9, 116.4, "天安门")),
        Do(content=Link("标题", "摘要", "https://a.b")),
    ) == read_script(script)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ('{"say": "x"}', "line 1: 'say'"),
        ('{"wait": -1}', "line 1: 'wait': found -1"),
        ('{"text": "x", "wait": 1}', "line 1: found text, wait, expected one of"),
        ("{broken", "line 1: is not JSON: Expecting"),
        ('{"image": "none.png"}', "line 1: .*none.png"),
        ("# nothing", "nothing in it"),
    ],
)
def test_a_script_that_cannot_be_played_names_the_line(tmp_path: Path, line: str, wrong: str) -> None:
    script = tmp_path / "script.txt"
    script.write_text(line, encoding="utf-8")

    with pytest.raises(ScriptInvalid, match=wrong):
        read_script(script)


def test_the_example_can_be_played() -> None:
    script = read_script(ROOT / "docs" / "examples" / "conversation.txt")

    assert 10 < len(script)


def test_without_a_service_one_is_run_that_leaves_nothing_behind(tmp_path: Path) -> None:
    script = tmp_path / "script.txt"
    script.write_text("你好\n" * 25, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WEBOT_")}
    ran = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-c", "import sys; from web.cli import main; sys.exit(main())", "simulate", str(script)],
        cwd=tmp_path,
        env=kept | {"PYTHONPATH": str(ROOT), "WEBOT_SERVER__PORT": "0"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert (0, "") == (ran.returncode, ran.stderr)
    assert ["发出", "25"] == next(line.split() for line in ran.stdout.splitlines() if line.startswith("发出"))
    assert ["乱序", "0"] in [line.split() for line in ran.stdout.splitlines()]
    assert not (tmp_path / "data" / "webot.db").exists()
