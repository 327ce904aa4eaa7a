"""`webot menu` against a WeCom of our own: the menu of the settings is checked, set, shown and taken away."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.simulator.platform.apps import invent_app
from adapters.simulator.simulator import WeComSimulator
from tests.web.credentials import credentials
from tests.web.shell import Ran, webot

HR = invent_app(agent_id=1000003, name="hr")


@pytest.fixture
async def simulator() -> AsyncIterator[WeComSimulator]:
    async with WeComSimulator([invent_app(), HR]) as running:
        yield running


@pytest.fixture
def environ(simulator: WeComSimulator) -> dict[str, str]:
    return credentials(simulator.app(1000002), simulator.url)


async def test_the_menu_of_the_settings_becomes_the_apps(
    tmp_path: Path, simulator: WeComSimulator, environ: dict[str, str]
) -> None:
    before = await webot("menu", "show", folder=tmp_path, environ=environ)
    pushed = await webot("menu", "push", folder=tmp_path, environ=environ)
    after = await webot("menu", "show", folder=tmp_path, environ=environ)
    menu = simulator.menu(agent_id=1000002)
    deleted = await webot("menu", "delete", folder=tmp_path, environ=environ)

    assert Ran(0, "wecom：没有菜单\n", "") == before
    assert Ran(0, "wecom：菜单已设好，大家下次打开应用时能看到\n", "") == pushed
    assert Ran(0, "wecom：\n  快捷指令\n    清除上下文  @clear\n    导出  @export\n    帮助  @help\n", "") == after
    assert ["快捷指令"] == [button["name"] for button in menu]
    assert Ran(0, "wecom：菜单已删除\n", "") == deleted
    assert () == tuple(simulator.menu(agent_id=1000002))


@pytest.mark.parametrize(
    ("own", "wanted"),
    [
        ("", "  Commands\n    New conversation  @clear\n    Export  @export\n    Help  @help\n"),
        ('[menu]\nbuttons = [{ name = "帮助", key = "@help" }]\n', "  帮助  @help\n"),
    ],
    ids=["the default one", "one's own"],
)
async def test_the_default_menu_of_an_english_deployment_is_english(
    tmp_path: Path, environ: dict[str, str], own: str, wanted: str
) -> None:
    (tmp_path / "settings.local.toml").write_text(f'[chat]\nlanguage = "en"\n{own}', encoding="utf-8")
    await webot("menu", "push", folder=tmp_path, environ=environ)
    shown = await webot("menu", "show", folder=tmp_path, environ=environ)

    assert f"wecom:\n{wanted}" == shown.out


async def test_a_channel_is_named_where_there_are_several(
    tmp_path: Path, simulator: WeComSimulator, environ: dict[str, str]
) -> None:
    both = environ | credentials(HR, simulator.url, channel="hr", path="/hr")
    pushed = await webot("menu", "push", "--channel", "hr", folder=tmp_path, environ=both)
    vague = await webot("menu", "delete", folder=tmp_path, environ=both)

    assert 0 == pushed.code
    assert [0, 1] == [len(simulator.menu(agent_id=app)) for app in (1000002, 1000003)]
    assert 2 == vague.code
    assert "请用 --channel 指定一个：wecom, hr" in vague.err


async def test_a_menu_beyond_wecoms_limits_is_refused_before_wecom_is_asked(
    tmp_path: Path, simulator: WeComSimulator, environ: dict[str, str]
) -> None:
    (tmp_path / "settings.local.toml").write_text(
        '[menu]\nbuttons = [{ name = "六个汉字太长", key = "@help" }, { name = "空" }]\n', encoding="utf-8"
    )
    ran = await webot("menu", "push", folder=tmp_path, environ=environ)

    assert (1, "") == (ran.code, ran.out)
    assert "[menu] button '六个汉字太长': 名字有 18 字节，最多 16" in ran.err
    assert "[menu] button '空': key、url 和 buttons 要写且只写一个" in ran.err
    assert {} == simulator.counts.calls


async def test_a_key_that_is_no_command_is_hinted_at(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "settings.local.toml").write_text(
        '[menu]\nbuttons = [{ name = "清除", key = "@cleer" }]\n', encoding="utf-8"
    )
    ran = await webot("menu", "push", folder=tmp_path, environ=environ)

    assert 0 == ran.code
    assert ran.err.startswith("可能写错了：[menu] button '清除': '@cleer' 不是 webot 自己的指令；")


async def test_what_wecom_refuses_is_one_line_without_secrets(
    tmp_path: Path, simulator: WeComSimulator, environ: dict[str, str]
) -> None:
    wrong = environ | {"WEBOT_CHANNELS__WECOM__SECRET": "opensesame" * 4}
    ran = await webot("menu", "push", folder=tmp_path, environ=wrong)

    assert (1, "") == (ran.code, ran.out)
    assert ran.err.startswith("webot: 企业微信返回 40001：secret 不对")
    assert "opensesame" not in ran.err
    assert () == tuple(simulator.menu(agent_id=1000002))


@pytest.mark.parametrize("verb", ["push", "show", "delete"])
def test_with_the_simulator_there_is_no_wecom_yet(tmp_path: Path, verb: str) -> None:
    ran = asyncio.run(webot("menu", verb, folder=tmp_path))

    assert (1, "") == (ran.code, ran.out)
    assert "webot: 没有填企业微信的凭证，现由模拟器代替，所以没有可以设菜单的企业微信应用\n" == ran.err


def test_an_unknown_channel_is_told_the_known_ones(tmp_path: Path) -> None:
    ran = asyncio.run(webot("menu", "show", "--channel", "wecon", folder=tmp_path))

    assert (1, "webot: 没有渠道 wecon；现有 wecom\n") == (ran.code, ran.err)
