"""Each verb in a process of its own, where nothing is imported that it has not asked for itself."""

from pathlib import Path

import pytest

import web.commands
from tests.web.shell import webot_process

ELSEWHERE = {
    "chat": "tests/web/terminal/test_chat.py",
    "doctor": "tests/web/doctor/test_examination.py",
    "export": "tests/web/commands/test_export.py",
    "serve": "tests/web/test_cli.py",
    "simulate": "tests/web/terminal/test_simulate.py",
}
RUNS = {
    "audit": (["audit"], 0, "还没有人导出或删除过什么"),
    "chains": (["chains", "list"], 0, "translator"),
    "check": (["check"], 0, "[server]"),
    "console": (["console", "user", "list"], 0, "还没有用户"),
    "console-password": (["console-password", "--password", "short"], 2, "少于 12 个字符的密码容易被猜中"),
    "forget": (["forget", "zhangsan", "--yes"], 1, "还没有数据库；服务第一次启动时会创建"),
    "import-legacy": (["import-legacy", "--config", "config.yaml"], 1, "里面没有 corp-webot 的设置"),
    "init": (["init"], 2, "--channel"),
    "menu": (["menu", "show"], 1, "没有可以设菜单的企业微信应用"),
    "migrate": (["migrate"], 0, "结构 "),
    "models": (["models", "list"], 0, "demo"),
    "token": (["token", "list"], 0, "还没有令牌"),
    "turns": (["turns"], 0, "没有失败的消息。"),
    "usage": (["usage"], 0, "费用"),
    "version": (["version"], 0, "webot "),
}


def test_every_verb_is_run_here_or_elsewhere() -> None:
    assert {*RUNS, *ELSEWHERE} == {
        file.stem.replace("_", "-") for file in Path(web.commands.__path__[0]).glob("[!_]*.py")
    }


@pytest.mark.parametrize("verb", RUNS)
async def test_a_verb_runs_in_a_process_of_its_own(tmp_path: Path, verb: str) -> None:
    (tmp_path / "config.yaml").write_text("你好\n", encoding="utf-8")
    args, code, said = RUNS[verb]
    ran = await webot_process(*args, folder=tmp_path)

    assert code == ran.code, ran.err
    assert said in ran.out + ran.err
