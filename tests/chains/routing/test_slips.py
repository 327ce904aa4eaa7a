"""What is close to a command and so asked about, and what is a word of its own."""

import pytest

from chains.routing.intents import UnknownCommand
from chains.routing.near_misses import near_miss
from tests.chains.harness import open_chains_harness
from tests.chains.routing.test_command_lines import CHAINS, NAMES


@pytest.mark.parametrize(
    ("line", "word", "suggestion"),
    [
        ("@hlep", "@hlep", "@help"),
        ("@HLEP", "@hlep", "@help"),
        ("＠ｈｌｅｐ！", "@hlep", "@help"),
        ("@hlep.", "@hlep", "@help"),
        ("@hlep 怎么用", "@hlep", "@help"),
        ("@hlep，谢谢", "@hlep", "@help"),
        ("@ hlep", "@hlep", "@help"),
        ("@helpp", "@helpp", "@help"),
        ("@hel", "@hel", "@help"),
        ("@halp", "@halp", "@help"),
        ("@hekp", "@hekp", "@help"),
        ("@exprot pdf", "@exprot", "@export"),
        ("@exort", "@exort", "@export"),
        ("@hsitory", "@hsitory", "@history"),
        ("@histroy😀", "@histroy", "@history"),
        ("@cleer", "@cleer", "@clear"),
        ("@stpo", "@stpo", "@stop"),
        ("@imgae一只猫", "@imgae", "@image"),
        ("@modle 2", "@modle", "@model"),
        ("@useage", "@useage", "@usage"),
        ("@prompt-ste 诗人", "@prompt-ste", "@prompt-set"),
        ("@transalte hello", "@transalte", "@translate"),
        ("@role3", "@role3", "@role 3"),
        ("@清除上下问", "@清除上下问", "@清除上下文"),
        ("@历史纪录", "@历史纪录", "@历史记录"),
        ("@导岀", "@导岀", "@导出"),
        ("@到处。", "@到处", "@导出"),
        ("@倒出pdf", "@倒出", "@导出"),
        ("@幫住", "@帮住", "@帮助"),
        ("@清楚", "@清楚", "@清除"),
        ("@青除！", "@青除", "@清除"),
        ("＠帮住", "@帮住", "@帮助"),
        ("@历使", "@历使", "@历史"),
        ("@停指", "@停指", "@停止"),
        ("@模形", "@模形", "@模型"),
        ("@话图", "@话图", "@画图"),
        ("@继序", "@继序", "@继续"),
        ("@反译", "@反译", "@翻译"),
    ],
)
def test_a_slip_is_asked_about(line: str, word: str, suggestion: str) -> None:
    assert UnknownCommand(word, suggestion) == near_miss(line, NAMES)


@pytest.mark.parametrize(
    "line",
    [
        "@rose 你好",
        "@expert",
        "@clean",
        "@god",
        "@mode",
        "@plan",
        "@translated hello",
        "@models.py 是什么",
        "@hello",
        "@home",
        "@nosuch",
        "@bob",
        "@ban",
        "@ hlep me write a letter",
        "@hlep.com",
        "@hlep_me",
        "@hlep@example.com",
        "@hlep(1)",
        "@model3 怎么样",
        "hlep",
        "我发了 @hlep",
        "@清楚上次的问题",
        "@历史剧推荐",
    ],
)
def test_a_word_of_its_own_is_no_slip(line: str) -> None:
    assert near_miss(line, NAMES) is None


async def test_a_slip_is_answered_without_the_model() -> None:
    async with open_chains_harness("http://127.0.0.1:9/v1") as it:
        assert "没有 @hlep 这个指令，是想发 @help 吗？" == await it.said("@hlep")
    async with open_chains_harness("http://127.0.0.1:9/v1", chat={"language": "en"}, catalog=CHAINS) as it:
        assert "There is no command @tarnslate. Did you mean @translate?" == await it.said("@tarnslate hello")


async def test_what_is_not_offered_is_not_suggested() -> None:
    async with open_chains_harness() as it:
        assert "【演示模型】" in await it.said("@exprot pdf")
