"""`webot init`: a dialogue against the simulator and a model's server, and what it leaves in the files."""

import asyncio
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adapters.simulator.platform.apps import invent_app, invent_bot
from adapters.simulator.simulator import WeComSimulator
from tests.fakes.openai_server import Fails, OpenAIServer
from tests.service import running_service
from tests.web.shell import webot
from web.operator.shell import Shell
from web.settings.settings_edit import NewValue, SettingsEdit
from web.terminal.setup.leading import InitFlags, Leading

KEY = "sk-very-secret-0123456789"
DEMO = ("--provider", "demo")


@dataclass
class Answers:
    """A terminal where a test answers each question in turn; it remembers which were without echo."""

    lines: Iterator[str]
    agrees: bool = True
    hidden: list[str] = field(default_factory=list)
    is_there: bool = True

    def ask(self, question: str, *, secret: bool, default: str = "") -> str:
        del question
        said = next(self.lines) or default
        if secret:
            self.hidden.append(said)
        return said

    def agree(self, question: str) -> bool:
        del question
        return self.agrees


async def led(
    folder: Path,
    answers: Answers,
    flags: InitFlags | None = None,
    environ: Mapping[str, str] | None = None,
    **given: str,
) -> int:
    own = {"WEBOT_CHAT__LANGUAGE": "en", "WEBOT_STORAGE__DATA_DIR": str(folder / "data")}
    shell = Shell(folder, own | dict(environ or {}))
    options = {name.replace("_", "-"): value for name, value in given.items()}
    return await asyncio.to_thread(lambda: Leading(shell, options, answers, flags or InitFlags()).run(shell.load()))


def tables(folder: Path, name: str) -> Mapping[str, Mapping[str, Mapping[str, object]]]:
    return tomllib.loads((folder / name).read_text(encoding="utf-8"))


async def test_a_bot_and_a_model_are_asked_for_tried_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with WeComSimulator() as simulator, OpenAIServer() as server:
        bot = simulator.register(invent_bot())
        said = ["robot", "bot", "", "", bot.bot_id, bot.secret, "", server.base_url, "gpt", KEY]
        answers = Answers(iter(said))
        code = await led(tmp_path, answers, connection_url=simulator.bot_url)

        assert 0 == simulator.bots.frames["aibot_subscribe"], "it was taken from whoever is connected"
    shown = capsys.readouterr().out
    assert 0 == code, shown
    assert "robot is none of bot, application" in shown
    assert "this cannot be empty" in shown
    assert "webot serve" in shown
    assert not any(secret in shown for secret in (bot.secret, KEY))
    assert [bot.secret, KEY] == answers.hidden
    local, secrets = tables(tmp_path, "settings.local.toml"), tables(tmp_path, ".secrets.toml")
    assert bot.bot_id == local["channels"]["bot"]["bot_id"]
    assert {"channels": {"bot": {"secret": bot.secret}}, "models": {"default": {"api_key": KEY}}} == secrets
    assert "gpt" == local["models"]["default"]["model"]
    assert 0o600 == (tmp_path / ".secrets.toml").stat().st_mode & 0o777


@pytest.mark.parametrize("right", [True, False])
async def test_a_bot_is_connected_where_that_is_agreed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, right: bool
) -> None:
    async with WeComSimulator() as simulator:
        bot = simulator.register(invent_bot())
        secret = bot.secret if right else f"{bot.secret}x"
        code = await led(
            tmp_path,
            Answers(iter(()), agrees=False),
            InitFlags(connect=True, no_model=True),
            channel="bot",
            mode="connection",
            bot_id=bot.bot_id,
            secret=secret,
            connection_url=simulator.bot_url,
        )

        assert simulator.bots.frames["aibot_subscribe"]
    assert (0 if right else 1) == code
    assert right == (tmp_path / ".secrets.toml").exists()
    assert secret not in capsys.readouterr().out


async def test_an_application_is_asked_for_again_until_wecom_takes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with WeComSimulator([invent_app(name="助手")]) as simulator:
        app = simulator.app()
        rest = [app.token, "too-short", app.encoding_aes_key]
        said = ["application", app.corp_id, "ten", str(app.agent_id), "wrong", *rest]
        again = [app.corp_id, str(app.agent_id), app.secret, app.token, app.encoding_aes_key]
        code = await led(tmp_path, Answers(iter(said + again)), InitFlags(no_model=True), api_base=simulator.url)
    shown = capsys.readouterr().out
    assert 0 == code, shown
    assert "agent_id" in shown
    assert "encoding_aes_key" in shown
    assert "40001" in shown
    assert "https://…/gpt" in shown
    assert not any(secret in shown for secret in (app.secret, app.token, app.encoding_aes_key))
    assert app.agent_id == tables(tmp_path, "settings.local.toml")["channels"]["wecom"]["agent_id"]
    assert app.secret == tables(tmp_path, ".secrets.toml")["channels"]["wecom"]["secret"]


def test_a_file_that_is_there_keeps_its_comments_and_its_order(tmp_path: Path) -> None:
    local, secrets = tmp_path / "settings.local.toml", tmp_path / ".secrets.toml"
    local.write_text('# ours\n[chat]\nturns = 5 # few\n\n[channels.bot]\nname = "x" # its name\nsecret = "old"\n')
    secrets.write_text('[channels.bot]\nbot_id = "b1" # here\n')
    secrets.chmod(0o644)
    values = [
        NewValue(("channels", "bot"), "bot_id", "b2"),
        NewValue(("channels", "bot"), "secret", "new", secret=True),
    ]
    edit = SettingsEdit(tmp_path)

    assert [".secrets.toml: [channels.bot] bot_id", "settings.local.toml: [channels.bot] secret"] == edit.replaced(
        values
    )
    edit.put(values)
    edit.write()
    assert '# ours\n[chat]\nturns = 5 # few\n\n[channels.bot]\nname = "x" # its name\n' == local.read_text()
    assert '[channels.bot]\nbot_id = "b2" # here\nsecret = "new"\n' == secrets.read_text()
    assert 0o600 == secrets.stat().st_mode & 0o777


@pytest.mark.parametrize("agrees", [True, False])
async def test_what_is_set_is_replaced_only_where_that_is_agreed(tmp_path: Path, *, agrees: bool) -> None:
    before = '[channels.bot]\nkind = "wecom_aibot"\nbot_id = "old"\nsecret = "old"\n'
    (tmp_path / ".secrets.toml").write_text(before)
    flags = InitFlags(untried=True, no_model=True)
    code = await led(
        tmp_path, Answers(iter(()), agrees), flags, channel="bot", mode="connection", bot_id="b", secret="s"
    )

    assert (0 if agrees else 1) == code
    assert agrees == ((tmp_path / ".secrets.toml").read_text() != before)


async def test_without_a_terminal_what_is_missing_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    ran = await webot(
        "init", "--channel", "bot", "--secret", KEY, folder=tmp_path, environ={"WEBOT_CHAT__LANGUAGE": "en"}
    )

    assert 2 == ran.code
    assert all(option in ran.err for option in ("--mode", "--bot-id", "--provider"))
    assert KEY not in ran.out + ran.err
    assert not (tmp_path / ".secrets.toml").exists()


async def test_every_answer_can_be_an_option(tmp_path: Path) -> None:
    options = ("--channel", "bot", "--mode", "connection", "--bot-id", "b1", "--secret", KEY, "--untried")
    ran = await webot("init", *options, *DEMO, folder=tmp_path)
    other = await webot("init", *options, *DEMO, "--bot-id", "b2", folder=tmp_path)
    agreed = await webot("init", *options, *DEMO, "--bot-id", "b2", "--yes", folder=tmp_path)

    assert (0, 2, 0) == (ran.code, other.code, agreed.code), ran.err + agreed.err
    assert "--yes" in other.err
    assert "b2" == tables(tmp_path, "settings.local.toml")["channels"]["bot"]["bot_id"]
    assert KEY not in ran.out + ran.err + other.err


async def test_a_broken_file_is_named_without_what_stands_in_it(tmp_path: Path) -> None:
    (tmp_path / ".secrets.toml").write_text(f'key = "{KEY}\n')

    ran = await webot("init", folder=tmp_path)

    assert 1 == ran.code
    assert ".secrets.toml" in ran.err
    assert KEY not in ran.out + ran.err


async def test_a_model_is_tried_as_it_will_stand_with_what_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with OpenAIServer() as server:
        kept = f'[models.default]\nbase_url = "{server.base_url}"\napi_key = "{KEY}"\nfallbacks = []\n'
        (tmp_path / ".secrets.toml").write_text(kept)
        given = {"channel": "bot", "mode": "callback", "token": "t" * 9, "encoding_aes_key": "a" * 42 + "E"}
        code = await led(
            tmp_path, Answers(iter(()), is_there=False), InitFlags(), None, **given, provider="openai", model="gpt"
        )

        assert ["gpt"] == [body["model"] for body in server.bodies]
    shown = capsys.readouterr().out
    assert 0 == code, shown
    assert "https://…/bot" in shown
    assert kept in (tmp_path / ".secrets.toml").read_text()
    assert "t" * 9 not in shown


async def test_a_model_that_refuses_the_key_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with OpenAIServer() as server:
        server.script(Fails(401))
        given = {"channel": "bot", "mode": "callback", "token": "t" * 9, "encoding_aes_key": "a" * 42 + "E"}
        model = {"provider": "openai", "base_url": server.base_url, "model": "gpt", "api_key": KEY}
        code = await led(tmp_path, Answers(iter(()), is_there=False), InitFlags(), None, **given, **model)

        assert 1 == len(server.bodies)
    shown = capsys.readouterr()
    assert 1 == code
    assert "401" in shown.out + shown.err
    assert KEY not in shown.out + shown.err
    assert not (tmp_path / ".secrets.toml").exists()


async def test_a_variable_that_holds_in_spite_of_what_was_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"channel": "bot", "mode": "connection", "bot_id": "aibX", "secret": "the-secret-of-the-bot"}
    variables = {"WEBOT_CHANNELS__BOT__KIND": "wecom_aibot", "WEBOT_CHANNELS__BOT__BOT_ID": "aibY"}
    variables["WEBOT_CHANNELS__BOT__SECRET"] = "the-secret-of-the-bot"
    flags = InitFlags(untried=True, no_model=True)

    assert 0 == await led(tmp_path, Answers(iter(())), flags, variables, **given)

    said = capsys.readouterr().out
    assert "WEBOT_CHANNELS__BOT__BOT_ID holds instead of [channels.bot] bot_id" in said
    assert "WEBOT_CHANNELS__BOT__SECRET" not in said
    assert "the-secret-of-the-bot" not in said


async def test_the_first_message_is_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with running_service(tmp_path, {"WEBOT_CHANNELS__BOT__KIND": "wecom_aibot"}) as service:
        app = service.service.channels["bot"].simulated
        assert app is not None
        await service.simulator.bots.connected(app)
        given = {"channel": "bot", "mode": "connection", "bot_id": app.bot_id, "secret": app.secret}
        environ = {"WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db"}
        flags = InitFlags(untried=True, no_model=True, wait=60.0)
        leading = asyncio.create_task(led(tmp_path, Answers(iter(())), flags, environ, **given))
        said = ""
        while "Waiting" not in said:
            await asyncio.sleep(0.01)
            said += capsys.readouterr().out
        # What came before the wait is not what is waited for, and may come at any time within it.
        while not leading.done():
            await service.phone(agent_id=app.agent_id).say("hello")
            await asyncio.wait({leading}, timeout=0.5)

    assert 0 == leading.result()
    assert "first message has come" in capsys.readouterr().out


async def test_a_wait_without_a_message_ends_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = {"channel": "bot", "mode": "connection", "bot_id": "aibX", "secret": "the-secret-of-the-bot"}
    flags = InitFlags(untried=True, no_model=True, wait=0.01)

    assert 1 == await led(tmp_path, Answers(iter(())), flags, None, **given)
    assert "webot doctor" in capsys.readouterr().out
