"""`webot chat`: a conversation in the terminal over the encrypted path."""

import asyncio
import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.simulator.faults import HttpStatus, LoseAnswer
from adapters.simulator.platform.timeline import Delivered
from pipeline.events import Image, Text
from pipeline.text.i18n import Catalogue
from tests.fakes.openai_server import OpenAIServer, Says
from tests.service import RunningService, running_service
from web.settings.loading import Loaded, load
from web.terminal.chat import run_chat
from web.terminal.chat_session import ChatSession, styled
from web.terminal.client import Client, NotAnswered
from web.terminal.terminal import Pipe, harmless

ROOT = Path(__file__).parents[3]
CHAT = (sys.executable, "-c", "import sys; from web.cli import main; sys.exit(main())", "chat")


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    async with running_service(tmp_path) as opened:
        yield opened


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WEBOT_")}
    return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "80", "TERM": "xterm"} | more


async def loaded_for(service: RunningService, folder: Path) -> Loaded:
    """Give settings that lead to a service that runs already."""
    environ = {"WEBOT_SERVER__PORT": str(service.http.base_url.port), "WEBOT_STORAGE__DATA_DIR": str(folder / "cli")}
    return await asyncio.to_thread(load, folder, environ)


class Lines(Pipe):
    """A pipe whose other end the test holds."""

    def __init__(self) -> None:
        super().__init__(io.StringIO(), io.StringIO())
        self.asked = asyncio.Event()
        self.leave = asyncio.Event()
        self.shown: asyncio.Queue[str] = asyncio.Queue()

    async def lines(self) -> AsyncIterator[str]:
        self.asked.set()
        await self.leave.wait()
        yield "/quit"

    def show(self, text: str) -> None:
        self.shown.put_nowait(text)


async def talk(loaded: Loaded, lines: str, *, user: str = "lisi", channel: str = "") -> tuple[bool, str]:
    written = io.StringIO()
    clean = await run_chat(loaded, user=user, channel=channel, stdin=io.StringIO(lines), stdout=written)
    return clean, written.getvalue()


async def test_piped_lines_are_answered_one_after_the_other(service: RunningService, tmp_path: Path) -> None:
    clean, written = await talk(await loaded_for(service, tmp_path), "第一句\n\n@help\n第二句")
    said = [entry for entry in service.phone("lisi").entries() if entry.kind == "said"]

    assert clean
    assert written.index("“第一句”") < written.index("@clear") < written.index("“第二句”")
    assert 3 == len(said)


async def test_what_was_said_before_is_not_said_again(service: RunningService, tmp_path: Path) -> None:
    await talk(await loaded_for(service, tmp_path), "昨天的话")
    _, written = await talk(await loaded_for(service, tmp_path), "今天的话")

    assert "昨天的话”" not in written.partition("今天的话")[0]
    assert "今天的话" in written


async def test_a_picture_goes_out(service: RunningService, tmp_path: Path) -> None:
    picture = tmp_path / "天空.png"
    await asyncio.to_thread(picture.write_bytes, b"\x89PNG\r\n\x1a\n0123")
    clean, _ = await talk(await loaded_for(service, tmp_path), f"/send {picture}\n")
    (sent, *_) = [entry for entry in service.phone("lisi").entries() if entry.kind == "said"]

    assert clean
    assert isinstance(sent.content, Image)
    assert b"\x89PNG\r\n\x1a\n0123" == service.simulator.media(sent.content.media_id).data


async def test_a_file_that_comes_is_saved_under_a_name_of_its_own(service: RunningService, tmp_path: Path) -> None:
    phone = service.phone("lisi")
    platform = service.simulator.platform
    label = platform.uploads.put(phone.app.corp_id, "file", b"%PDF-1.4 ", name="../../.报告.pdf").label
    folder = tmp_path / "received"
    saved = []
    async with Client(str(service.http.base_url).rstrip("/")) as client:
        for number in (1, 2):
            lines = Lines()
            talk = ChatSession(client, {"user": "lisi"}, Catalogue("zh"), terminal=lines, folder=folder)
            running = asyncio.create_task(talk.run())
            await lines.asked.wait()
            shown = Delivered(platform.number(), time.time(), *phone.app.key, "lisi", f"m{number}", "file", media=label)
            platform.timeline(phone.app, "lisi").show(shown)
            saved.append(await lines.shown.get())
            lines.leave.set()
            await running

    assert [f"[文件] 已保存到 {folder}/_.._.报告.pdf", f"[文件] 已保存到 {folder}/_.._.报告-2.pdf"] == saved


async def test_a_message_that_was_not_taken_is_said_to_be(service: RunningService, tmp_path: Path) -> None:
    clean, written = await talk(await loaded_for(service, tmp_path), "/send /nowhere/at/all.png\n")

    assert not clean
    assert "/nowhere/at/all.png" in written


async def test_faults_on_the_way_are_not_the_persons_business(service: RunningService, tmp_path: Path) -> None:
    service.simulator.add_fault(LoseAnswer(1), calls=1)
    service.simulator.add_fault(HttpStatus(500), route="message/send", calls=1)
    clean, written = await talk(await loaded_for(service, tmp_path), "你好")

    assert (True, 1) == (clean, written.count("收到：“你好”"))


@pytest.mark.parametrize(
    ("more", "expected"),
    [({"user": "李四"}, "1 到 64"), ({"channel": "hr"}, "there are wecom")],
    ids=["a user id there cannot be", "a channel there is not"],
)
async def test_who_or_what_there_is_not_is_named(
    service: RunningService, tmp_path: Path, more: dict[str, str], expected: str
) -> None:
    with pytest.raises(NotAnswered, match=expected):
        await talk(await loaded_for(service, tmp_path), "你好", **more)


def test_without_a_service_one_is_run_for_the_conversation(tmp_path: Path) -> None:
    ran = subprocess.run(  # noqa: S603 (our own program)
        [*CHAT, "--as", "lisi"],
        cwd=tmp_path,
        env=environment(WEBOT_SERVER__PORT="0"),
        input="你好\n@历史\n",
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert (0, "") == (ran.returncode, ran.stderr)
    assert "收到：“你好”" in ran.stdout
    assert "· 你好 ·" in ran.stdout
    assert (tmp_path / "data" / "logs" / "webot.log").exists()


class Screen:
    """What a terminal shows, read as it comes."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.shown = ""

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def until(self, wanted: str, within: float = 120.0) -> None:
        end = time.monotonic() + within
        while wanted not in self.shown:
            ready, _, _ = select.select([self._fd], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{wanted!r} did not come; there is {self.shown!r}"
            self.shown += os.read(self._fd, 65536).decode(errors="replace")


@contextmanager
def at_a_terminal(folder: Path, *options: str, **environ: str) -> Iterator[tuple[Screen, subprocess.Popen[bytes]]]:
    ours, theirs = pty.openpty()
    program = subprocess.Popen(  # noqa: S603 (our own program)
        (*CHAT, *options), cwd=folder, env=environment(**environ), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    try:
        yield Screen(ours), program
    finally:
        program.send_signal(signal.SIGKILL)
        program.wait()
        os.close(ours)


async def test_a_bots_answer_grows_at_a_terminal_and_is_stopped_while_it_is_made(tmp_path: Path) -> None:
    async with OpenAIServer() as model:
        model.script(Says("first line\nsecond line\nthird line", hangs_after=5))
        environ = {
            "WEBOT_CHANNELS__BOT__KIND": "wecom_aibot",
            "WEBOT_MODELS__DEFAULT__BASE_URL": model.base_url,
            "WEBOT_MODELS__DEFAULT__API_KEY": "sk-test-0123456789",
            "WEBOT_MODELS__DEFAULT__MODEL": "test-model",
        }
        async with running_service(tmp_path, environ) as service:
            bot = service.service.channels["bot"].simulated
            assert bot is not None
            await service.simulator.bots.connected(bot, within=60)

            def converse() -> int:
                port = str(service.http.base_url.port)
                with at_a_terminal(tmp_path, "--channel", "bot", WEBOT_SERVER__PORT=port) as (screen, program):
                    screen.until("zhangsan> ")
                    screen.type("慢慢想\r")
                    # There is no more of it yet, and will never be.
                    screen.until("first line")
                    screen.type("@stop\r")
                    screen.until("已停止")
                    screen.type("\x04")
                    return program.wait(30)

            assert 0 == await asyncio.to_thread(converse)


def test_a_models_words_do_not_steer_the_terminal() -> None:
    assert "[2Jgone\nkept\t!" == harmless("\x1b[2Jgone\x9b\nkept\t!\x00")


def test_colours_leave_every_character_in_place() -> None:
    shown = styled("# 标题\n**粗** `代码` [红](https://a.b)", heading="webot")
    bare = "".join(part.partition("m")[2] if n else part for n, part in enumerate(shown.split("\x1b[")))

    assert "webot\n# 标题\n**粗** `代码` [红](https://a.b)\n" == bare


async def test_a_bots_answer_is_written_once_to_a_pipe_and_grows_line_by_line_at_a_terminal(tmp_path: Path) -> None:
    lines, grown = Lines(), []
    lines.interactive = True
    async with running_service(tmp_path, {"WEBOT_CHANNELS__BOT__KIND": "wecom_aibot"}) as service:
        bot = service.service.channels["bot"].simulated
        assert bot is not None
        await service.simulator.bots.connected(bot)
        clean, written = await talk(await loaded_for(service, tmp_path), "第一句\n第二句", channel="bot")
        async with Client(str(service.http.base_url).rstrip("/")) as client:
            session = {"user": "anna", "channel": "bot"}
            talking = ChatSession(client, session, Catalogue("zh"), terminal=lines, folder=tmp_path)
            running = asyncio.create_task(talking.run())
            await lines.asked.wait()
            for text, streaming in (("one\ntw", True), ("one\ntwo\nthr", True), ("one\ntwo\nthree", False)):
                entry = (service.simulator.platform.number(), time.time(), *bot.key, "anna", "m", "markdown")
                shown = Delivered(*entry, text=text, streaming=streaming)
                service.simulator.platform.timeline(bot, "anna").replace(shown)
                grown.append(re.sub(r"\x1b\[[\d;]*m", "", await lines.shown.get()).split())
            lines.leave.set()
            await running

    assert clean
    assert [1, 1] == [written.count("“第一句”"), written.count("“第二句”")]
    assert [["webot", "one"], ["two"], ["three"]] == grown


async def test_a_bots_conversation_is_not_over_while_what_was_said_last_is_not_stored(tmp_path: Path) -> None:
    async with running_service(tmp_path, {"WEBOT_CHANNELS__BOT__KIND": "wecom_aibot"}) as service:
        bot = service.service.channels["bot"].simulated
        assert bot is not None
        simulator, session = service.simulator, {"user": "anna", "channel": "bot"}
        await simulator.bots.connected(bot)
        # The bot has not read it yet, and an answer to what was said before comes after it.
        said = simulator.platform.note(bot, "anna", Text("第二句"), is_message=True)
        former = Delivered(simulator.platform.number(), time.time(), *bot.key, "anna", "m", "markdown", text="答")
        simulator.platform.timeline(bot, "anna").replace(former)
        async with Client(str(service.http.base_url).rstrip("/")) as client:
            before = await client.settled(session, within=0.0)
            await simulator.bots.deliver(bot, said)
            after = await client.settled(session, within=60.0)
        latest = simulator.phone("anna", agent_id=bot.agent_id, corp_id=bot.corp_id).entries(said.number)[-1]

    assert before is None
    assert isinstance(latest, Delivered)
    assert (latest.number, False) == (after, latest.streaming)
    assert "“第二句”" in latest.text
