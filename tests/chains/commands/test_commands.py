"""The chat commands, as a person meets them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chains.catalog.catalog import ChainCatalog
from chains.catalog.config import ChainConfig
from chains.command import Command, CommandCall, Commands
from chains.commands import all_commands
from chains.commands.prompt_set import MOST
from pipeline.answer import Conversation, ConversationClosed, ForgetAsked, Forgotten, Outcome, PersonaSet
from pipeline.events import Clicked, Content, Entered, InboundEvent, Text
from pipeline.replies import Silence, TextReply
from pipeline.text.i18n import Catalogue, load_sentences
from tests.chains.harness import ALICE, NOON, PLAIN_CHAIN, RecentMemory, ask, open_chains_harness


async def test_help_lists_in_chinese_what_this_deployment_offers_by_what_it_is_for() -> None:
    async with open_chains_harness() as it:
        said = await it.said("@help")

    assert (
        said
        == """您好，我是 webot，直接发文字就能聊。

最常用的指令：**@清除** **@角色库** **@停止** **@历史** **@角色**

**对话**

- **@清除**（@clear）：清除上下文和角色设定，重新开始
- **@停止**（@stop）：停止正在生成的回答
- **@好评**（@good）：上一条回答不错
- **@差评 原因**（@bad）：上一条回答不好，可以写明原因
- **@帮助**（@help）：查看可用指令

**角色与模型**

- **@角色库 [编号|搜索词]**（@role）：从角色库里挑一个角色，从下一条消息起生效
- **@角色 角色描述**（@prompt-set）：设定我的角色，从下一条消息起生效

**导出与记录**

- **@历史**（@history）：查看我的历史对话
- **@忘记我**（@forget）：删除我的全部对话

直接发送指令就能用。"""
    )


async def test_a_description_of_several_lines_is_one_line_of_help() -> None:
    chain = ChainConfig(name="hr", command="@hr", description="leave\n  and\n\nexpenses\n")
    async with open_chains_harness(catalog=ChainCatalog({"default": PLAIN_CHAIN, "hr": chain})) as it:
        said = await it.said("@help")

    assert "- **@hr**：leave and expenses" in said.splitlines()


async def test_help_speaks_of_a_menu_only_where_there_is_one() -> None:
    request = ask("@help")
    beside = replace(request, capabilities=replace(request.capabilities, menu=True))
    async with open_chains_harness() as it:
        alone, with_menu = [[step async for step in it.chains.answer(each)][-1] for each in (request, beside)]

    assert isinstance(alone, Outcome)
    assert isinstance(with_menu, Outcome)
    assert ("菜单" in str(alone.replies), "或点应用菜单" in str(with_menu.replies)) == (False, True)


async def test_help_names_the_assistants_of_chains_by_their_words_of_the_language() -> None:
    catalog = ChainCatalog(
        {
            "default": PLAIN_CHAIN,
            "hr": ChainConfig(name="hr", command="@hr", aliases=("@人事", "@personnel"), description="请假"),
        }
    )
    async with (
        open_chains_harness(catalog=catalog) as zh,
        open_chains_harness(catalog=catalog, chat={"language": "en"}) as en,
    ):
        assert "**专用助手**\n\n- **@人事**（@hr）：请假" in await zh.said("@help")
        assert "**Assistants**\n\n- **@hr** (@人事): 请假" in await en.said("@help")


async def test_help_speaks_english_where_the_settings_say_so() -> None:
    async with open_chains_harness(chat={"language": "en"}) as it:
        said = await it.said("@help")

    assert "- **@prompt-set TEXT** (@角色): choose how I behave, from the next message on" in said.splitlines()


@pytest.mark.parametrize("name", ["@image", "@export"])
async def test_what_is_not_offered_is_not_listed_and_says_so_when_tried(name: str) -> None:
    async with open_chains_harness() as it:
        listed = await it.said("@help")
        tried = await it.said(f"{name} something")

    assert name not in listed
    assert "还没有开通" in tried


async def test_clear_closes_the_conversation_and_says_so() -> None:
    async with open_chains_harness() as it:
        outcome = await it.outcome("@clear")

    assert Outcome((TextReply(Catalogue("zh").text("clear.done")),), (ConversationClosed(),)) == outcome


async def test_a_menu_click_does_what_typing_does() -> None:
    async with open_chains_harness() as it:
        assert await it.outcome("@clear") == await it.outcome(Clicked("@clear"))


async def test_prompt_set_sets_the_persona_and_says_how_to_set_it_back() -> None:
    async with open_chains_harness() as it:
        outcome = await it.outcome("@prompt-set  你是诗人\n只写七言\x00 ")

    assert (PersonaSet("你是诗人\n只写七言"),) == outcome.changes
    assert "@角色 默认" in str(outcome.replies)


@pytest.mark.parametrize("word", ["default", "DEFAULT", "reset", "默认", "重置"])
async def test_prompt_set_goes_back_to_the_default(word: str) -> None:
    async with open_chains_harness() as it:
        outcome = await it.outcome(f"@prompt-set {word}")

    assert (PersonaSet(""),) == outcome.changes


async def test_prompt_set_alone_says_which_persona_holds() -> None:
    async with open_chains_harness(memory=RecentMemory(persona="你是诗人\n只写七言")) as it:
        outcome = await it.outcome("@prompt-set")

    assert () == outcome.changes
    assert "> 你是诗人\n> 只写七言" in str(outcome.replies[0].text)  # type: ignore[union-attr]
    assert [(ALICE, 0, 60)] == it.memory.recalled


async def test_prompt_set_alone_explains_itself_while_the_default_holds() -> None:
    async with open_chains_harness() as it:
        said = await it.said("@prompt-set")

    assert Catalogue("zh").text("persona.none") == said


@pytest.mark.parametrize(("length", "changes"), [(MOST, 1), (MOST + 1, 0)])
async def test_a_persona_is_bounded_in_length(length: int, changes: int) -> None:
    async with open_chains_harness() as it:
        outcome = await it.outcome("@prompt-set " + "诗" * length)

    assert changes == len(outcome.changes)
    assert (changes == 0) == (f"共 {length} 字，最多 {MOST} 字" in str(outcome.replies))


async def test_history_lists_conversations_by_their_numbers() -> None:
    later = NOON + timedelta(days=1)
    past = (
        Conversation(9, 12, exchange_count=3, started_at=later, last_at=later, title="**粗体** 标题\n第二行"),
        Conversation(8, 11, exchange_count=40, started_at=NOON, last_at=NOON, title=""),
        Conversation(7, 2, exchange_count=1, started_at=NOON, last_at=NOON, title="很长" * 30),
    )
    async with open_chains_harness(memory=RecentMemory(past=past)) as it:
        said = await it.said("@history")

    def local(at: datetime) -> str:
        return at.astimezone().strftime("%Y-%m-%d %H:%M")

    assert [
        f"- **12** · {local(later)} · \\*\\*粗体\\*\\* 标题 第二行 · 3 轮",
        f"- **11** · {local(NOON)} · （无标题） · 40 轮",
        f"- **2** · {local(NOON)} · {('很长' * 15)[:29]}… · 1 轮",
    ] == [line for line in said.splitlines() if line.startswith("- ")]


async def test_history_says_when_there_is_none() -> None:
    async with open_chains_harness() as it:
        assert Catalogue("zh").text("history.none") == await it.said("@history")


async def test_stop_ends_the_running_turn_once() -> None:
    async with open_chains_harness() as it:
        it.stopper.running.add(ALICE)

        assert "已停止。" == await it.said("@stop")
        assert "现在没有正在生成的回答。" == await it.said("@停止")


@pytest.mark.parametrize(
    ("content", "urgent"),
    [
        (Text("@stop"), True),
        (Text("＠停止"), True),
        (Clicked("@stop"), True),
        (Text("@clear"), False),
        (Text("stop"), False),
        (Clicked("V1"), False),
        (Entered(), False),
    ],
)
async def test_only_stop_does_not_wait_in_line(content: Content, *, urgent: bool) -> None:
    async with open_chains_harness() as it:
        assert urgent == it.chains.urgent(InboundEvent("k", ALICE, content, NOON))


async def test_commands_leave_nothing_in_the_transcript_and_need_no_model() -> None:
    async with open_chains_harness("http://127.0.0.1:9/v1") as it:
        for name in ("@help", "@history", "@stop", "@image", "@export", "@prompt-set"):
            assert () == (await it.outcome(name)).changes


@pytest.mark.parametrize("word", ["不", "no", "算了。", "取消", "不删了"])
async def test_forget_takes_no_for_an_answer(word: str) -> None:
    async with open_chains_harness(memory=RecentMemory(forget_asked_at=datetime.now(UTC))) as it:
        assert Outcome((TextReply(Catalogue("zh").text("forget.kept")),)) == await it.outcome(f"@forget {word}")


async def test_what_needs_no_answer_is_left_alone() -> None:
    async with open_chains_harness() as it:
        assert Outcome((Silence(),)) == await it.outcome(Entered())


def test_every_command_says_what_it_is_in_both_languages() -> None:
    for command in all_commands():
        for language in ("zh", "en"):
            assert load_sentences(language)[command.summary]
            assert not command.usage or load_sentences(language)[command.usage]


def test_commands_are_found_in_the_folder_in_the_order_of_its_files() -> None:
    names = [
        "@bad",
        "@clear",
        "@export",
        "@forget",
        "@good",
        "@help",
        "@history",
        "@image",
        "@model",
        "@more",
        "@plain",
        "@prompt-set",
        "@rich",
        "@role",
        "@stop",
        "@usage",
    ]

    assert names == [command.name for command in all_commands()]


def test_two_commands_cannot_share_a_name() -> None:
    async def run(order: CommandCall) -> Outcome:
        return order.reply("help.summary")

    one = Command(name="@one", aliases=("@一",), summary="help.summary", run=run)

    with pytest.raises(ValueError, match="'@一' is claimed by the commands '@one' and '@two'"):
        Commands((one, replace(one, name="@two")))


@pytest.mark.parametrize("word", ["yes", "确认", "ＹＥＳ"])
async def test_forget_is_asked_twice(word: str) -> None:
    async with open_chains_harness() as it:
        said = [await it.outcome(line) for line in ("@forget", "@forget 好像", f"@forget {word}")]
        it.memory.forget_asked_at = datetime.now(UTC) - timedelta(minutes=9)
        unsure, done = await it.outcome("@forget 好像"), await it.outcome(f"@forget {word}")
        it.memory.forget_asked_at = datetime.now(UTC) - timedelta(minutes=11)
        late = await it.outcome(f"@forget {word}")
    asked = Outcome((TextReply(Catalogue("zh").text("forget.sure", minutes=10)),), (ForgetAsked(),))

    assert [asked] * 5 == [*said, unsure, late]
    assert Outcome((TextReply(Catalogue("zh").text("forget.done")),), (Forgotten(),)) == done
