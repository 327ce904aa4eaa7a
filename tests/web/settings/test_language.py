"""The shell speaks of settings in the deployment's language, whether or not they can be used."""

from pathlib import Path

import pytest

from pipeline.text.i18n import Catalogue, Language, in_language
from tests.web.settings.test_validation import problems
from web.settings.language import shell_language

CHINESE = Catalogue("zh")
ENGLISH = '[chat]\nlanguage = "en"\n'


@pytest.mark.parametrize(
    ("local", "environ", "language"),
    [
        pytest.param("", {}, "zh", id="by default Chinese, as the chat"),
        pytest.param(ENGLISH, {}, "en", id="English where a file says so"),
        pytest.param(ENGLISH, {"LANG": "en_US.UTF-8"}, "en", id="and the locale, too"),
        pytest.param(ENGLISH, {"LANG": "zh_CN.UTF-8"}, "zh", id="Chinese where the locale is"),
        pytest.param(ENGLISH, {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en", id="by the variable that counts"),
        pytest.param(ENGLISH, {"WEBOT_CHAT__LANGUAGE": "zh"}, "zh", id="the environment has the last word"),
        pytest.param('[chat]\nlanguage = "fr"', {}, "zh", id="a language there is not says nothing"),
        pytest.param("chat = 3", {}, "zh", id="nor does a value where the table belongs"),
        pytest.param(f"{ENGLISH}[broken", {}, "zh", id="nor a file that is no TOML"),
    ],
)
def test_the_language_is_the_chats_or_the_locales(
    tmp_path: Path, local: str, environ: dict[str, str], language: Language
) -> None:
    (tmp_path / "settings.local.toml").write_text(local, encoding="utf-8")

    assert language == shell_language(tmp_path, environ)


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ('[chat]\nturns = "十"', '[chat] turns: 现在是 "十"，应为整数（0 到 1000）'),
        ('[chat]\nlanguage = "fr"', '[chat] language: 现在是 "fr"，应为"zh" 或 "en"'),
        ("[limits]\nturn_seconds = 0", "[limits] turn_seconds: 现在是 0，应为数字（大于 0）"),
        ("[export]\nvolume_mb = 21", "[export] volume_mb: 现在是 21，应为数字（不大于 20，大于 0）"),
        ('[limits]\nusers = "bob"', '[limits] users: 现在是 "bob"，应为文字列表，例如 ["a", "b"]'),
        ("[models.default]\ntimeout = 2024-01-01", "[models.default] timeout: 现在是 2024-01-01，应为数字（大于 0）"),
        ("[chat]\nturnz = 3", "[chat] turnz: 没有这个键；是不是想写 turns？可用的键有：turns, "),
        ("[chatt]\nturns = 3", "[chatt]: 没有这个表；是不是想写 [chat]？可用的表有：[server], "),
    ],
)
def test_each_mistake_can_be_told_in_chinese(tmp_path: Path, local: str, expected: str) -> None:
    (tmp_path / "settings.local.toml").write_text(local, encoding="utf-8")
    (problem,) = problems(tmp_path)
    said = in_language(problem, CHINESE)

    assert said.startswith("settings.local.toml: ")
    assert expected in said


def test_a_file_in_another_encoding_is_told_in_chinese(tmp_path: Path) -> None:
    (tmp_path / "settings.local.toml").write_bytes("# 设置".encode("gbk"))
    (problem,) = problems(tmp_path)

    assert "settings.local.toml: 不是 UTF-8 编码（第 2 字节）；请另存为 UTF-8" == in_language(problem, CHINESE)
