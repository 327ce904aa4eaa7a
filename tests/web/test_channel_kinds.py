"""Another kind of channel takes one file and a line: settings, service, doctor, menu and checks know it then."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from adapters.aibot.bot_settings import WeComAibotSettings
from benchmarks.house import TOPS
from pipeline.errors import SettingsInvalid
from tests.fakes import pretend_channel
from tests.service import running_service, until
from tests.web.settings_files import write
from web.channel_kinds import KINDS
from web.doctor.examination import examine
from web.operator import menus
from web.operator.dry_run import every_problem
from web.settings.loading import load, secrets_of
from web.settings.reference import manual

BOTH = {**KINDS, pretend_channel.KIND.name: pretend_channel.KIND}
POST = '[channels.post]\nkind = "pretend"\npassword = "open sesame"\n'


def pretend_body(text: str, said: str = "open sesame") -> str:
    return json.dumps({"id": text, "user": "lisi", "text": text, "password": said})


async def test_it_is_served_beside_the_others(tmp_path: Path) -> None:
    write(tmp_path, local=POST)
    async with running_service(tmp_path, kinds=BOTH) as service:
        refused = await service.http.post("/pretend", content=pretend_body("hello", "guess"))
        taken = await service.http.post("/pretend", content=pretend_body("hello"))
        channel = service.service.channels["post"].channel
        assert isinstance(channel, pretend_channel.PretendChannel)
        await until(lambda: channel.sent)
        await service.phone().say("hello")
        there = await service.phone().texts()

    assert (403, 200, "thanks") == (refused.status_code, taken.status_code, taken.text)
    assert [("lisi", there[0])] == channel.sent


def test_its_keys_are_checked_documented_and_kept_secret(tmp_path: Path) -> None:
    write(tmp_path, local=POST)
    loaded = load(tmp_path, {}, BOTH)

    assert "open sesame" in secrets_of(loaded)
    assert "What a message has to say to be let in." in manual("en", BOTH)
    with pytest.raises(menus.NoSuchApp, match="WeCom has no menu for this kind of channel"):
        menus.named(loaded, "post")

    write(tmp_path, local=POST + "passwrod = 1\n")
    with pytest.raises(SettingsInvalid, match=r"\[channels.post\] passwrod"):
        load(tmp_path, {}, BOTH)


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        pytest.param('path = "/gpt"\n', "'/gpt' is also [channels.wecom]'s", id="a path of another kind's channel"),
        pytest.param('path = "/metrics"\n', "'/metrics' is webot's own", id="a path of webot's"),
        pytest.param('password = ""\n', "[channels.post]: no credentials; set password", id="no credentials"),
        pytest.param(
            '[channels.other]\nkind = "pretend"\npath = "/other"\npassword = "open sesame"\n',
            "[channels.post] password: is another channel's",
            id="what its own kind says",
        ),
    ],
)
def test_its_clashes_are_found(tmp_path: Path, more: str, problem: str) -> None:
    table = POST.replace('password = "open sesame"\n', "") if more.startswith("password") else POST
    write(tmp_path, local=table + more)

    assert problem in " ".join(asyncio.run(every_problem(load(tmp_path, {}, BOTH))))


async def test_the_doctor_looks_at_it(tmp_path: Path) -> None:
    write(tmp_path, local=POST)
    loaded = await asyncio.to_thread(load, tmp_path, {"WEBOT_SERVER__PORT": "0"}, BOTH)

    found = [finding async for finding in examine(loaded, seconds=5) if finding.about == "post"]

    assert [("keys", "well")] == [(finding.check, finding.state) for finding in found]


def test_settings_of_one_kind_are_named_in_its_own_files_alone() -> None:
    sources = {path: path.read_text(encoding="utf-8") for top in TOPS for path in Path(top).rglob("*.py")}
    homes = {"WeComAppSettings": "adapters/wecom", "WeComAibotSettings": "adapters/(aibot/|wecom_aibot.py)"}
    strays = [
        str(path)
        for name, home in homes.items()
        for path, text in sources.items()
        if re.search(rf"{name}|cast\(.*Settings", text) and not re.match(home, str(path))
    ]

    assert [] == strays


@pytest.mark.parametrize(
    ("local", "channels"),
    [
        pytest.param("", {"wecom", "bot"}, id="nothing set up: both are the simulator's"),
        pytest.param('[channels.bot]\nbot_id = "b"\nsecret = "s"\n', {"bot"}, id="a bot"),
        pytest.param(
            '[channels.bot]\nbot_id = "b"\nsecret = "s"\n[channels.hr]\npath = "/hr"\n', {"bot", "hr"}, id="touched"
        ),
    ],
)
def test_what_the_committed_file_offers_goes_once_a_channel_is_set_up(
    tmp_path: Path, local: str, channels: set[str]
) -> None:
    write(tmp_path, settings=Path("settings.toml").read_text(encoding="utf-8"), local=local)
    loaded = load(tmp_path, {})

    assert (channels, channels) == (set(loaded.channels), set(loaded.settings.channels))


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ('bot_id = "b"', "secret missing; set both of bot_id and secret, or neither"),
        ('connection_url = "ws://example.com"', "wss://"),
        ('connection_url = "https://example.com"', "wss://"),
        ('connection_url = "wss://a b"', "wss://"),
        ('mode = "both"', 'expected "connection" or "callback"'),
        ('mode = "callback"\ntoken = "t"', "encoding_aes_key missing"),
        ("corp_id = 7", "no such key"),
    ],
)
def test_mistakes_in_a_bots_table_are_told(tmp_path: Path, keys: str, problem: str) -> None:
    write(tmp_path, local=f'[channels.bot]\nkind = "wecom_aibot"\n{keys}\n')

    with pytest.raises(SettingsInvalid, match=re.escape(problem)):
        load(tmp_path, {})


def test_one_bot_in_two_tables_is_told_and_two_bots_are_not(tmp_path: Path) -> None:
    tables = "".join(
        f'[channels.{name}]\nkind = "wecom_aibot"\nbot_id = "{bot_id}"\nsecret = "s"\n'
        for name, bot_id in (("one", "aibA"), ("two", "aibB"), ("three", "aibA"))
    )
    write(tmp_path, local=tables)
    problems = asyncio.run(every_problem(load(tmp_path, {})))

    (problem,) = [str(each) for each in problems if "bot_id" in str(each)]
    assert problem.endswith("[channels.three] bot_id: is also [channels.one]'s")


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("", ()),
        ("bot", ("bot",)),
        ("bot, bot helper,@助手小明，小明 ,", ("bot helper", "助手小明", "bot", "小明")),
    ],
)
def test_the_names_of_a_bot_stand_between_commas_and_the_longest_is_looked_for_first(
    name: str, names: tuple[str, ...]
) -> None:
    assert names == WeComAibotSettings(name=name).names


async def test_two_bots_and_an_application_are_served_each_with_its_own_people_and_history(tmp_path: Path) -> None:
    kinds = {f"WEBOT_CHANNELS__{name}__KIND": "wecom_aibot" for name in ("BOT", "HELPER")}
    async with running_service(tmp_path, kinds) as service:
        answers = {}
        for name in ("bot", "helper", "wecom"):
            app = service.service.channels[name].simulated
            assert app is not None
            if name != "wecom":
                await service.simulator.bots.connected(app, within=30)
            phone = service.phone(agent_id=app.agent_id)
            await phone.say(f"to {name}")
            answers[name] = await phone.texts()
        ready = (await service.http.get("/readyz")).json()

    assert all(f"to {name}" in text for name, (text,) in answers.items())
    assert "ok" == ready["channels"]
