"""What `webot doctor` prints and how it ends: JSON for programs, and settings that cannot be used."""

import asyncio
import json
from pathlib import Path

from tests.web.shell import free_port, webot, webot_here


def test_json_has_every_finding_and_no_secret_and_the_exit_code_tells(tmp_path: Path) -> None:
    environ = {
        "WEBOT_CHANNELS__WECOM__CORP_ID": "ww1",
        "WEBOT_CHANNELS__WECOM__AGENT_ID": "7",
        "WEBOT_CHANNELS__WECOM__SECRET": "opensesame",
        "WEBOT_CHANNELS__WECOM__TOKEN": "sesameopen",
        "WEBOT_CHANNELS__WECOM__ENCODING_AES_KEY": "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
        "WEBOT_CHANNELS__WECOM__API_BASE": f"http://127.0.0.1:{free_port()}",
        "WEBOT_CHAT__LANGUAGE": "en",
        "WEBOT_SERVER__PORT": "0",
    }
    ran = asyncio.run(webot("doctor", "--json", "--timeout", "2", folder=tmp_path, environ=environ))
    outcomes = json.loads(ran.out)
    network = next(finding for finding in outcomes["findings"] if finding["check"] == "network")

    assert (1, "", False) == (ran.code, ran.err, outcomes["ok"])
    assert ("ill", "wecom") == (network["state"], network["about"])
    assert network["fix"].startswith("The connection is refused")
    assert not [secret for secret in ("opensesame", "sesameopen", "jWmYm7qr5n") if secret in ran.out]


def test_settings_that_cannot_be_used_are_the_first_finding(tmp_path: Path) -> None:
    ran = asyncio.run(webot("doctor", folder=tmp_path, environ={"WEBOT_CHAT__TURNS": "ten"}))

    assert (1, "") == (ran.code, ran.err)
    assert ran.out.startswith('✗ 设置：不能用：WEBOT_CHAT__TURNS: [chat] turns: 现在是 "ten"')
    assert "webot check" in ran.out


def test_several_mistakes_of_the_settings_are_a_line_each(tmp_path: Path) -> None:
    ran = webot_here("doctor", folder=tmp_path, environ={"WEBOT_CHAT__TURNS": "ten", "WEBOT_CHAT__LANGUAGE": "de"})
    head, *mistakes, remedy = ran.out.splitlines()

    assert "✗ 设置：不能用：" == head
    assert ["WEBOT_CHAT__LANGUAGE", "WEBOT_CHAT__TURNS"] == sorted(line.strip().partition(":")[0] for line in mistakes)
    assert remedy.startswith("    → ")
