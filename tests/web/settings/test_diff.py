"""What two readings of the settings differ in, and what of the later one can hold without a start."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.settings import Settings
from web.settings.diff import changed, overridden, taken_over
from web.settings.loading import load


def settings(**tables: Any) -> Settings:  # noqa: ANN401 (any table)
    return Settings.model_validate(tables)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param({}, {"chat": {"turns": 10}}, [], id="a default said aloud"),
        pytest.param({}, {"chat": {"turns": 3}}, ["chat.turns"], id="a key"),
        pytest.param({}, {"models": {"default": {"x": 1}, "image": {}}}, ["models.default.x"], id="a provider's key"),
        pytest.param(
            {"models": {"default": {"stop": {"a": 1}}}},
            {"models": {"default": {"stop": {"a": 2}}}},
            ["models.default.stop.a"],
            id="a key of a provider's table",
        ),
        pytest.param(
            {"models": {"default": {}, "big": {"model": "b"}}},
            {"models": {"default": {}, "small": {"model": "s"}}},
            ["models.big", "models.small"],
            id="tables that go and come",
        ),
        pytest.param(
            {"models": {"default": {"api_key": "sk-one"}}},
            {"models": {"default": {"api_key": "sk-two"}}},
            ["models.default.api_key"],
            id="a secret",
        ),
    ],
)
def test_the_keys_that_differ_are_named(before: dict[str, Any], after: dict[str, Any], expected: list[str]) -> None:
    assert expected == changed(settings(**before), settings(**after))


@pytest.mark.parametrize(
    ("wanted", "live", "waiting"),
    [
        pytest.param({"chat": {"turns": 3, "language": "en"}}, ["chat.turns"], ["chat.language"], id="[chat]"),
        pytest.param(
            {"server": {"port": 1, "public_url": "https://x"}}, ["server.public_url"], ["server.port"], id="[server]"
        ),
        pytest.param({"log": {"level": "DEBUG", "format": "json"}}, ["log.level"], ["log.format"], id="[log]"),
        pytest.param({"storage": {"data_dir": "x"}}, [], ["storage.data_dir"], id="[storage]"),
        pytest.param({"network": {"proxy": "http://x"}}, [], ["network.proxy"], id="[network]"),
        pytest.param({"limits": {"users": ["a"]}}, ["limits.users"], [], id="[limits]"),
        pytest.param(
            {"console": {"remote": True, "password_hash": "scrypt$1$1$1$YQ==$YQ==", "port": 1}},
            ["console.password_hash", "console.remote"],
            ["console.port"],
            id="[console]",
        ),
        pytest.param({"budgets": {"per_day": 1.0}}, ["budgets.per_day"], [], id="[budgets]"),
        pytest.param(
            {"channels": {"wecom": {"chain": "coder", "token": "t"}}},
            ["channels.wecom.chain"],
            ["channels.wecom.token"],
            id="a channel",
        ),
        pytest.param(
            {"channels": {"hr": {"chain": "coder"}}}, [], ["channels.wecom", "channels.hr"], id="another channel"
        ),
    ],
)
def test_what_only_a_start_can_change_stays(wanted: dict[str, Any], live: list[str], waiting: list[str]) -> None:
    running, read = settings(), settings(**wanted)
    now = taken_over(running, read)

    assert sorted(live) == sorted(changed(running, now))
    assert sorted(waiting) == sorted(changed(now, read))


def test_an_edit_in_vain_is_named_with_what_has_the_last_word(tmp_path: Path) -> None:
    environ = {"WEBOT_CHAT__TURNS": "3"}
    (tmp_path / "settings.local.toml").write_text("[limits]\nturn_seconds = 5.0\n", encoding="utf-8")
    before = load(tmp_path, environ)
    (tmp_path / "settings.toml").write_text(
        "[chat]\nturns = 4\nidle_minutes = 4\n[limits]\nturn_seconds = 9.0\n", encoding="utf-8"
    )
    after = load(tmp_path, environ)

    assert {"chat.turns": "WEBOT_CHAT__TURNS", "limits.turn_seconds": "settings.local.toml"} == overridden(
        before.layers, after.layers
    )
