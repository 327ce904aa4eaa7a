"""An operator at work while people are chatting: the settings files edited under a running service."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import structlog

from storage.conversations.chain_revisions import RevisionStore
from tests.fakes.openai_server import Fails, Held, OpenAIServer, Says
from tests.service import RunningService, running_service, until
from tests.test_chains_live import until_released

KEY = "sk-secret-0123456789"
HR = 'description = "人事"\ncommand = "@hr"\nmodel = "{model}"\n'


@pytest.fixture
async def model() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


@pytest.fixture
async def other() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


def table(server: OpenAIServer, name: str = "default", model: str = "m", *more: str) -> str:
    lines = (f"[models.{name}]", f'base_url = "{server.base_url}"', f'model = "{model}"', f'api_key = "{KEY}"')
    return "\n".join((*lines, "max_retries = 0", *more, ""))


async def save(file: Path, *text: str) -> None:
    """Save a file as an editor does."""

    def write() -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(text), encoding="utf-8")

    await asyncio.to_thread(write)


def named(service: RunningService, name: str) -> Callable[[], bool]:
    return lambda: service.service.chains.model("default") == name


def events(logs: list[structlog.typing.EventDict], name: str) -> list[structlog.typing.EventDict]:
    return [line for line in logs if line["event"] == name]


async def test_the_next_answer_is_the_other_models(tmp_path: Path, model: OpenAIServer, other: OpenAIServer) -> None:
    file = tmp_path / "settings.local.toml"
    await save(file, table(model, "default", "one"))
    async with running_service(tmp_path) as service:
        phone = service.phone()
        await phone.say("你好")
        await phone.texts(count=1)
        await save(file, '[chat]\nsystem_prompt = "海盗"\n', table(other, "default", "two", "temperature = 0.5"))
        await until(named(service, "two"))
        await phone.say("再见")
        await phone.texts(count=2)

    assert ["one"] == [body["model"] for body in model.bodies]
    messages = [
        {"role": "system", "content": "海盗"},
        {"role": "user", "content": "你好"},
        {"role": "assistant", "content": "echo: 你好"},
        {"role": "user", "content": "再见"},
    ]
    assert [{"model": "two", "temperature": 0.5, "messages": messages, "stream": True}] == [
        {key: body[key] for key in body if key != "stream_options"} for body in other.bodies
    ]


async def test_a_turn_under_way_ends_on_the_old_model_which_is_then_let_go(
    tmp_path: Path, model: OpenAIServer, other: OpenAIServer
) -> None:
    go = asyncio.Event()
    model.script(Held(go, Says("旧的")))
    file = tmp_path / "settings.local.toml"
    await save(file, table(model, "default", "one"))
    async with running_service(tmp_path) as service:
        slow, quick = service.phone("zhangsan"), service.phone("lisi")
        await slow.say("写一本书")
        await model.until(lambda: len(model.asked) == 1)
        await save(file, table(other, "default", "two"))
        await until(named(service, "two"))
        await quick.say("快")
        assert ["echo: 快"] == await quick.texts(count=1)
        assert 1 == model.open
        assert 1 == service.service.generations.draining

        go.set()
        assert ["旧的"] == await slow.texts(count=1)
        await model.until(lambda: model.open == 0)
        await until(lambda: service.service.generations.draining == 0)


async def test_what_nobody_uses_any_more_is_let_go_at_once(tmp_path: Path, model: OpenAIServer) -> None:
    file = tmp_path / "settings.local.toml"
    await save(file, table(model, "default", "one"))
    async with running_service(tmp_path) as service:
        phone = service.phone()
        await phone.say("你好")
        await phone.texts(count=1)
        await until(lambda: not service.service.worker.running)
        await save(file, '[models.default]\nprovider = "demo"\n')
        await until(named(service, "demo"))
        await model.until(lambda: model.open == 0)
        await phone.say("你好")
        *_, answer = await phone.texts(count=2)

        assert "你好" in answer
        assert 1 == len(model.asked)


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        pytest.param("[chat\n", "settings.local.toml:1: not TOML", id="not TOML"),
        pytest.param("[chat]\nturns = 'x'\n", "settings.local.toml: [chat] turns: found", id="a wrong type"),
        pytest.param("[chat]\ntruns = 1\n", "[chat] truns", id="an unknown key"),
        pytest.param(
            "[models.default]\nmodel = 'm'\nbase_url = 'http://127.0.0.1:9'\ntemperature = 'hot'\n",
            '[models.default].temperature: found "hot"; needs a number',
            id="an option of the wrong type",
        ),
        pytest.param("[models.default]\nfallbacks = ['x']\n", "[models.default].fallbacks: found 'x'", id="no such"),
        pytest.param("[channels.wecom]\nchain = 'x'\n", "[channels.wecom].chain: found 'x'", id="no such chain"),
        pytest.param("[channels.hr]\nchain = 'x'\npath = '/hr'", "[channels.hr].chain: found 'x'", id="a later one"),
        pytest.param("[channels.hr]\n", "path: '/gpt' is also [channels.wecom]'s", id="a clash the next start has"),
    ],
)
async def test_an_edit_that_is_wrong_is_told_and_not_used(
    tmp_path: Path, model: OpenAIServer, edit: str, problem: str
) -> None:
    file = tmp_path / "settings.local.toml"
    await save(file, table(model, "default", "one"))
    with structlog.testing.capture_logs() as logs:
        async with running_service(tmp_path) as service:
            await save(file, edit)
            await until(lambda: service.service.edit.refused)
            phone = service.phone()
            await phone.say("你好")
            ready = await service.http.get("/readyz")
            status = await service.http.get("/console/status")

            assert ["echo: 你好"] == await phone.texts(count=1)
            assert 200 == ready.status_code
            assert "cannot be used" in ready.json()["settings"]
            assert "settings.local.toml" in status.text or "models.default" in status.text or "channels" in status.text

            await save(file, table(model, "default", "one"))
            await until(lambda: not service.service.edit.refused)
            assert "ok" == (await service.http.get("/readyz")).json()["settings"]
    problem_lines = events(logs, "settings_not_used")

    assert [True] == [problem in line["problem"] for line in problem_lines]
    assert ["error"] == [line["log_level"] for line in problem_lines]
    assert 1 == len(events(logs, "settings_good_again"))


async def test_a_file_that_is_half_written_is_waited_for(tmp_path: Path, model: OpenAIServer) -> None:
    file = tmp_path / "settings.local.toml"
    whole = table(model, "default", "two")
    await save(file, table(model, "default", "one"))
    async with running_service(tmp_path) as service:
        await save(file, whole[:30])
        await until(lambda: service.service.edit.refused)
        assert named(service, "one")()
        await save(file, whole)
        await until(named(service, "two"))

        assert () == service.service.edit.refused


async def test_a_fallback_is_an_edit_too(tmp_path: Path, model: OpenAIServer, other: OpenAIServer) -> None:
    file = tmp_path / "settings.local.toml"
    await save(file, table(model))
    async with running_service(tmp_path) as service:
        await save(file, table(model, "default", "m", 'fallbacks = ["spare"]'), table(other, "spare", "s"))
        await until(lambda: "spare" in service.service.settings.models)
        model.script(Fails(500))
        phone = service.phone()
        await phone.say("在吗")

        assert ["echo: 在吗"] == await phone.texts(count=1)
        assert ["s"] == [body["model"] for body in other.bodies]


async def test_who_may_speak_and_how_fast_is_an_edit(tmp_path: Path, model: OpenAIServer) -> None:
    file = tmp_path / "settings.local.toml"
    await save(file, table(model))
    async with running_service(tmp_path) as service:
        zhang, li = service.phone("zhangsan"), service.phone("lisi")
        await zhang.say("一")
        await zhang.texts(count=1)
        await save(
            file, table(model), '[limits]\nusers = ["zhangsan"]\nper_user_per_minute = 1\nmax_concurrent_turns = 1\n'
        )
        await until(lambda: service.service.settings.limits.users)
        await li.say("二")
        # What was said before the edit still counts.
        await zhang.say("三")
        (refused,) = await li.texts(count=1)
        *_, hurried = await zhang.texts(count=2)

        assert "echo" not in refused + hurried
        assert ["一"] == [body["messages"][-1]["content"] for body in model.bodies]


async def test_what_waits_for_a_start_is_named_and_the_rest_holds(tmp_path: Path, model: OpenAIServer) -> None:
    file = tmp_path / "settings.local.toml"
    await save(file, table(model, "default", "one"))
    with structlog.testing.capture_logs() as logs:
        async with running_service(tmp_path) as service:
            more = '[log]\nformat = "json"\n[channels.wecom]\nmax_pieces = 9\n[channels.hr]\npath = "/hr"\n'
            await save(file, more, table(model, "default", "two"))
            await until(named(service, "two"))
            await until(lambda: service.service.edit.waiting)
            status = await service.http.get("/console/status")

            assert "channels.hr" in status.text
            assert ("channels.wecom.max_pieces", "channels.hr", "log.format") == service.service.edit.waiting
            assert ["wecom"] == list(service.service.settings.channels)

    assert [["models.default.model"]] == [line["keys"] for line in events(logs, "settings_changed")]
    assert [["channels.wecom.max_pieces", "channels.hr", "log.format"]] == [
        line["keys"] for line in events(logs, "settings_need_restart")
    ]


async def test_an_edit_the_environment_overrides_is_told(tmp_path: Path, model: OpenAIServer) -> None:
    file = tmp_path / "settings.local.toml"
    await save(file, table(model, "default", "one"))
    with structlog.testing.capture_logs() as logs:
        async with running_service(tmp_path, {"WEBOT_CHAT__TURNS": "3"}) as service:
            await save(file, "[chat]\nturns = 5\n", table(model, "default", "two"))
            await until(named(service, "two"))

            assert 3 == service.service.settings.chat.turns
    (problem_lines,) = events(logs, "settings_overridden")

    assert (["chat.turns"], ["WEBOT_CHAT__TURNS"]) == (problem_lines["keys"], problem_lines["by"])


async def test_a_key_is_changed_without_a_word_of_it(tmp_path: Path, model: OpenAIServer) -> None:
    await save(tmp_path / "settings.local.toml", table(model))
    file = tmp_path / ".secrets.toml"
    with structlog.testing.capture_logs() as logs:
        async with running_service(tmp_path) as service:
            await save(file, '[models.default]\napi_key = "sk-another-9876543210"\n')
            await until(lambda: events(logs, "settings_changed"))
            phone = service.phone()
            await phone.say("你好")
            await phone.texts(count=1)

    assert "Bearer sk-another-9876543210" == model.asked[0].headers["authorization"]
    assert [["models.default.api_key"]] == [line["keys"] for line in events(logs, "settings_changed")]
    assert "9876543210" not in str(logs)


async def test_a_model_that_a_chain_needs_stays_until_the_chain_lets_it_go(tmp_path: Path, model: OpenAIServer) -> None:
    file = tmp_path / "settings.local.toml"
    await save(file, table(model, "default", "one"), table(model, "big", "b"))
    async with running_service(tmp_path) as service:
        chain = Path(service.service.settings.storage.data_dir) / "chains" / "hr.toml"
        await save(chain, HR.replace("{model}", "big"))
        await until(lambda: "hr" in service.service.catalog.chains)
        await save(file, table(model, "default", "two"))
        await until(lambda: service.service.edit.refused)
        (problem,) = service.service.edit.refused
        phone = service.phone()
        await phone.say("@hr 年假")
        await phone.texts(count=1)

        assert "chain 'hr'" in problem
        assert "'big'" in problem
        assert named(service, "one")()
        # Once nothing needs it, the edit holds without being made again.
        await save(chain, HR.replace("{model}", "default"))
        await until(named(service, "two"))
        await phone.say("@hr 病假")
        await phone.texts(count=2)

    assert ["b", "two"] == [body["model"] for body in model.bodies]


async def test_a_chain_waits_for_its_model(tmp_path: Path, model: OpenAIServer) -> None:
    file = tmp_path / "settings.local.toml"
    await save(file, table(model, "default", "one"))
    async with running_service(tmp_path) as service:
        data = Path(service.service.settings.storage.data_dir)
        await save(data / "chains" / "hr.toml", HR.replace("{model}", "big"))
        await until(lambda: service.service.catalog.problems)
        await save(file, table(model, "default", "one"), table(model, "big", "b"))
        await until(lambda: "hr" in service.service.catalog.chains)
        phone = service.phone()
        await phone.say("@hr 年假")
        await phone.texts(count=1)
        await until_released(service, "hr")
        history = await RevisionStore(service.service.database).history("hr")

    assert ["b"] == [body["model"] for body in model.bodies]
    assert 1 == len(history)


async def test_an_edit_is_live_within_a_second(tmp_path: Path, model: OpenAIServer) -> None:
    # The best of three: this machine may be busy with other things.
    file = tmp_path / "settings.local.toml"
    await save(file, table(model, "default", "start"))
    async with running_service(tmp_path) as service:
        seconds = []
        for name in ("one", "other", "last"):
            await save(file, table(model, "default", name))
            seconds.append(await until(named(service, name)))

        assert min(seconds) < 1


async def test_under_a_storm_of_edits_every_turn_has_one_reading_of_the_settings(
    tmp_path: Path, model: OpenAIServer
) -> None:
    people, rounds = 12, 6
    file = tmp_path / "settings.local.toml"

    async def edit(number: int) -> None:
        chat = f'[chat]\nsystem_prompt = "s{number}"\n'
        await save(file, chat, table(model, "default", f"m{number}", f"temperature = 0.{number}"))

    await edit(0)
    async with running_service(tmp_path) as service:

        async def talk(user: str) -> list[str]:
            phone = service.phone(user)
            for number in range(rounds):
                await phone.say(f"{user} {number}")
                await phone.texts(count=number + 1)
            return await phone.texts(count=rounds)

        talks = [asyncio.create_task(talk(f"user{number}")) for number in range(people)]
        for number in range(1, 4):
            await edit(number)
            await until(named(service, f"m{number}"))
        answers = await asyncio.gather(*talks)
        await until(lambda: service.service.generations.draining == 0)

    assert [[f"echo: user{user} {number}" for number in range(rounds)] for user in range(people)] == answers
    assert people * rounds == len(model.bodies)
    seen = {(body["model"], body["messages"][0]["content"], body["temperature"]) for body in model.bodies}
    assert seen <= {(f"m{number}", f"s{number}", number / 10) for number in range(4)}


@pytest.mark.parametrize("kind", ["a folder", "other letters", "nothing to read"])
async def test_a_file_that_cannot_be_read_changes_nothing(tmp_path: Path, model: OpenAIServer, kind: str) -> None:
    file = tmp_path / "settings.local.toml"
    await save(file, table(model, "default", "one"))

    def spoil() -> None:
        file.unlink()
        match kind:
            case "a folder":
                file.mkdir()
            case "other letters":
                file.write_bytes("[chat]\nsystem_prompt = '海盗'".encode("gb18030"))
            case _:
                file.symlink_to(file)

    async with running_service(tmp_path) as service:
        await asyncio.to_thread(spoil)
        await until(lambda: service.service.edit.refused)

        assert named(service, "one")()
        assert "settings.local.toml: " in service.service.edit.refused[0]
