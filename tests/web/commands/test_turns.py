"""`webot turns` beside a real service: what waits and what failed is listed, shown and run again."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import web.commands
from adapters.simulator.faults import Errcode
from storage.monitoring.views import list_turns
from tests.fakes.openai_server import Fails, OpenAIServer, Says
from tests.service import RunningService, running_service
from tests.web.shell import Ran, free_port, webot
from web.cli import Verbs

WORDS = "我的工资是多少"


@pytest.fixture
async def model() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
def environ(model: OpenAIServer, tmp_path: Path) -> dict[str, str]:
    return {
        "WEBOT_SERVER__PORT": str(free_port()),
        "WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db",
        "WEBOT_MODELS__DEFAULT__BASE_URL": model.base_url,
        "WEBOT_MODELS__DEFAULT__API_KEY": "sk-test-0123456789",
        "WEBOT_MODELS__DEFAULT__MODEL": "test-model",
        "WEBOT_MODELS__DEFAULT__MAX_RETRIES": "0",
    }


async def fail_once(service: RunningService, model: OpenAIServer) -> None:
    """Have a question end in an apology."""
    model.script(Fails(500))
    await service.phone().say(WORDS)
    await service.phone().texts(count=1)
    await failed(service)


async def failed(service: RunningService) -> None:
    """Wait until the books have it, which is a moment after the person has."""
    async with asyncio.timeout(60):
        while not await list_turns(service.service.database, "failed"):  # noqa: ASYNC110 -- it is in the database
            await asyncio.sleep(0.01)


async def remain_undelivered(service: RunningService) -> None:
    """Have an answer that WeCom will not take."""
    number = service.simulator.add_fault(Errcode(60111), route="message/send")
    await service.phone().say(WORDS)
    await failed(service)
    service.simulator.clear_faults(number)


def listed(ran: Ran) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = json.loads(ran.out)
    return found


def test_where_nothing_was_ever_stored_there_is_no_turn_and_no_file_is_made(tmp_path: Path) -> None:
    ran = asyncio.run(webot("turns", folder=tmp_path))

    assert Ran(0, "没有失败的消息。\n没有等待中的消息。\n", "") == ran
    assert [] == list(tmp_path.iterdir())


async def test_a_failed_turn_is_listed_without_words_and_answered_afresh_by_the_service(
    tmp_path: Path, environ: dict[str, str], model: OpenAIServer
) -> None:
    async with running_service(tmp_path, environ) as service:
        await fail_once(service, model)
        table = await webot("turns", "--failed", folder=tmp_path, environ=environ)
        shown = await webot("turns", "show", "1", folder=tmp_path, environ=environ)
        model.script(Says("四万二"))
        ran = await webot("turns", "retry", "1", folder=tmp_path, environ=environ)
        texts = await service.phone().texts(count=2)
        after = await webot("turns", folder=tmp_path, environ=environ)

    assert "失败" in table.out
    assert [line.rstrip() for line in table.out.splitlines()] == table.out.splitlines()
    assert "wecom/zhangsan" in table.out
    assert WORDS not in table.out + table.err + shown.out + shown.err + ran.out + ran.err
    assert Ran(0, "1：重新处理，会重新回答\n", "") == ran
    assert "四万二" == texts[1]
    assert Ran(0, "没有失败的消息。\n没有等待中的消息。\n", "") == after


async def test_of_an_undelivered_turn_only_what_was_not_sent_goes_out_and_no_model_is_asked(
    tmp_path: Path, environ: dict[str, str], model: OpenAIServer
) -> None:
    async with running_service(tmp_path, environ) as service:
        await remain_undelivered(service)
        ran = await webot("turns", "retry", "--all-failed", folder=tmp_path, environ=environ)
        texts = await service.phone().texts(count=1)

    assert Ran(0, "1：重新处理，把没发出的发出去\n", "") == ran
    assert [f"echo: {WORDS}"] == texts
    assert 1 == len(model.asked)


async def test_with_no_service_a_retry_waits_for_the_next_start(
    tmp_path: Path, environ: dict[str, str], model: OpenAIServer
) -> None:
    async with running_service(tmp_path, environ) as service:
        await fail_once(service, model)
    ran = await webot("turns", "retry", "--all-failed", folder=tmp_path, environ=environ)
    waiting = await webot("turns", "--waiting", "--json", folder=tmp_path, environ=environ)
    async with running_service(tmp_path, environ) as service:
        texts = await service.phone().texts(count=1)

    assert Ran(0, "1：重新处理，会重新回答\n", "") == ran
    assert [(1, "waiting")] == [(turn["id"], turn["state"]) for turn in listed(waiting)["waiting"]]
    assert [f"echo: {WORDS}"] == texts


async def test_on_postgresql_the_shell_writes_and_a_service_is_woken(
    tmp_path: Path, environ: dict[str, str], model: OpenAIServer, postgres_url: str
) -> None:
    shared = environ | {"WEBOT_STORAGE__DATABASE_URL": postgres_url, "WEBOT_SERVER__PORT": "0"}
    async with running_service(tmp_path, shared) as service:
        await fail_once(service, model)
        ran = await webot("turns", "retry", "1", folder=tmp_path, environ=shared)
        texts = await service.phone().texts(count=2)

    assert Ran(0, "1：重新处理，会重新回答\n", "") == ran
    assert f"echo: {WORDS}" == texts[1]


async def test_a_turn_shows_its_words_only_when_asked(
    tmp_path: Path, environ: dict[str, str], model: OpenAIServer
) -> None:
    async with running_service(tmp_path, environ) as service:
        await fail_once(service, model)
        (apology,) = await service.phone().texts(count=1)
    quiet = await webot("turns", "show", "1", folder=tmp_path, environ=environ)
    loud = await webot("turns", "show", "1", "--words", folder=tmp_path, environ=environ)
    facts = json.loads((await webot("turns", "show", "1", "--json", folder=tmp_path, environ=environ)).out)
    missing = await webot("turns", "show", "7", folder=tmp_path, environ=environ)

    assert ("failed", "wecom", "zhangsan", "text", 1) == tuple(
        facts[name] for name in ("state", "channel", "user", "kind", "messages")
    )
    assert ["sent"] == [part["state"] for part in facts["parts"]]
    assert "content" not in facts
    assert not {WORDS, apology} & set(quiet.out.replace("  ", "\n").split("\n"))
    assert WORDS in loud.out
    assert "编号 1" in loud.out
    assert (1, "", "错误：没有编号为 7 的消息，或者已经清理\n") == (missing.code, missing.out, missing.err)


async def test_what_cannot_run_again_is_said_and_the_exit_code_tells(
    tmp_path: Path, environ: dict[str, str], model: OpenAIServer
) -> None:
    async with running_service(tmp_path, environ) as service:
        await service.phone().say("你好")
        await service.phone().texts(count=1)
        ran = await webot("turns", "retry", "1", "7", folder=tmp_path, environ=environ)
        none = await webot("turns", "retry", "--all-failed", folder=tmp_path, environ=environ)

    assert Ran(1, "1：没有失败，不作改动\n7：没有这条消息，或者已经清理\n", "") == ran
    assert Ran(0, "没有失败的消息。\n", "") == none
    assert 1 == len(model.asked)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        pytest.param(["retry"], "请写上要重新处理的编号，或用 --all-failed", id="no turn"),
        pytest.param(["retry", "1", "--all-failed"], "请写上要重新处理的编号", id="some and all"),
        pytest.param(["retry", "one"], "'one' is not a valid integer", id="no number"),
        pytest.param(["show"], "Missing argument 'ID'", id="nothing to show"),
        pytest.param(["--limit", "0"], "0 is not in the range x>=1", id="a list of none"),
    ],
)
def test_what_was_typed_wrong_is_told_before_anything_is_opened(args: list[str], expected: str, tmp_path: Path) -> None:
    ran = CliRunner().invoke(Verbs(web.commands), ["--settings", str(tmp_path), "turns", *args])

    assert 2 == ran.exit_code
    assert expected in ran.output
    assert [] == list(tmp_path.iterdir())


async def test_a_service_that_cannot_be_found_is_named(
    tmp_path: Path, environ: dict[str, str], model: OpenAIServer
) -> None:
    async with running_service(tmp_path, environ) as service:
        await fail_once(service, model)
        elsewhere = environ | {"WEBOT_SERVER__PORT": str(free_port())}
        silent = await webot("turns", "retry", "1", folder=tmp_path, environ=elsewhere)
        unknown = await webot("turns", "retry", "1", folder=tmp_path, environ=environ | {"WEBOT_SERVER__PORT": "0"})

    assert [1, 1] == [silent.code, unknown.code]
    assert f"它在 http://127.0.0.1:{elsewhere['WEBOT_SERVER__PORT']} 没有响应：连接被拒绝" in silent.err
    assert "[server] port 是 0，无法请它处理" in unknown.err


async def test_another_service_on_the_port_does_not_touch_its_own_turns(
    tmp_path: Path, environ: dict[str, str], model: OpenAIServer
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    theirs = environ | {"WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{other}/webot.db"}
    async with (
        running_service(other, theirs) as there,
        running_service(tmp_path, environ | {"WEBOT_SERVER__PORT": "0"}) as here,
    ):
        await fail_once(there, model)
        await fail_once(here, model)
        ran = await webot("turns", "retry", "1", folder=tmp_path, environ=environ)
        untouched = await webot("turns", "--failed", "--json", folder=other, environ=theirs)

    assert 1 == ran.code
    assert "用的是别的 data_dir 和数据库" in ran.err
    assert [1] == [turn["id"] for turn in listed(untouched)["failed"]]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"X-Forwarded-For": "127.0.0.1"}, id="through a proxy"),
        pytest.param({"Host": "bot.example.com"}, id="by a name that is not this machine's"),
        pytest.param({"Origin": "https://evil.example"}, id="from a web page"),
    ],
)
async def test_only_programs_on_this_machine_may_have_turns_run_again(
    tmp_path: Path, environ: dict[str, str], headers: dict[str, str]
) -> None:
    opened_to_all = environ | {"WEBOT_CONSOLE__REMOTE": "true", "WEBOT_CONSOLE__GENERATE_PASSWORD": "true"}
    async with running_service(tmp_path, opened_to_all) as service:
        body = {"database": f"{tmp_path}/webot.db", "ids": None}
        proof = {"Authorization": f"Bearer {service.service.access.token}"}
        refused = await service.http.post("/operations/turns/retry", json=body, headers=headers | proof)
        granted = await service.http.post("/operations/turns/retry", json=body, headers=proof)

    assert [403, 200] == [refused.status_code, granted.status_code]
    assert {"retried": []} == granted.json()
