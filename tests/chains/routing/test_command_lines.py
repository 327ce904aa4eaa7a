"""What is a command, and what is ordinary speech that happens to begin with an @."""

import pytest

from chains.catalog.catalog import ChainCatalog
from chains.catalog.config import ChainConfig
from chains.command import CommandIntent
from chains.commands import all_commands
from chains.routing.dispatch import dispatch
from chains.routing.intents import Intent, Question, Welcome, read_intent
from chains.routing.near_misses import near_miss
from pipeline.events import InboundEvent, Text
from pipeline.text.i18n import Catalogue
from tests.chains.harness import ALICE, NOON, ask, open_chains_harness

COMMANDS = all_commands()
WORDS = Catalogue("zh")
NAMES = [*COMMANDS.words, "@translate", "@翻译", "@code", "@hr", "@人事"]
CHAINS = ChainCatalog(
    {
        "default": ChainConfig(name="default"),
        "translator": ChainConfig(name="translator", command="@translate", aliases=("@翻译", "@译")),
        "reports": ChainConfig(name="reports", command="@导出报表"),
        "fresh": ChainConfig(name="fresh", command="@重置", aliases=("@new", "@取消")),
        "it": ChainConfig(name="it", command="@it"),
    }
)


def reading(line: str) -> Intent:
    return dispatch(read_intent(Text(line), commands=COMMANDS, catalogue=WORDS), ask(line), CHAINS)


@pytest.mark.parametrize(
    ("line", "name", "argument"),
    [
        # Chinese writes no space.
        ("@画图一只猫", "@image", "一只猫"),
        ("@画图上海外滩的夜景", "@image", "上海外滩的夜景"),
        ("@画图 1024x1536 一只猫", "@image", "1024x1536 一只猫"),
        ("@画图1024x1536 一只猫", "@image", "1024x1536 一只猫"),
        ("@画图a cat", "@image", "a cat"),
        ("@画图，一只猫", "@image", "一只猫"),
        ("@画图：一只猫。", "@image", "一只猫。"),
        ("@画图“一只猫”", "@image", "“一只猫”"),
        ("＠画图一只猫", "@image", "一只猫"),
        ("@画一只猫", "@image", "一只猫"),
        ("@画 小猫钓鱼", "@image", "小猫钓鱼"),
        ("@image一只猫", "@image", "一只猫"),
        ("@IMAGE: a cat", "@image", "a cat"),
        ("@image .NET logo", "@image", ".NET logo"),
        ("@图片一只猫", "@image", "一只猫"),
        ("@draw a cat", "@image", "a cat"),
        ("@导出pdf", "@export", "pdf"),
        ("@导出PDF。", "@export", "PDF。"),
        ("@导出全部", "@export", "全部"),
        ("@导出全部pdf", "@export", "全部pdf"),
        ("@导出为html", "@export", "为html"),
        ("@导出上一次的对话", "@export", "上一次的对话"),
        ("@导出2026-11", "@export", "2026-11"),
        ("@导出第3次", "@export", "第3次"),
        ("@导出我的全部聊天记录", "@export", "我的全部聊天记录"),
        ("@导出本月", "@export", "本月"),
        ("@导出上个月的聊天记录", "@export", "上个月的聊天记录"),
        ("@导出11月pdf", "@export", "11月pdf"),
        ("@导出word", "@export", "word"),
        ("@导出为Word文档。", "@export", "为Word文档。"),
        ("@导出成PPT", "@export", "成PPT"),
        ("@export全部", "@export", "全部"),
        ("@export，pdf", "@export", "pdf"),
        ("@export:pdf", "@export", "pdf"),
        ("@下载全部", "@export", "全部"),
        ("@角色英语老师", "@prompt-set", "英语老师"),
        ("@角色：英语老师", "@prompt-set", "英语老师"),
        ("@设定你是诗人", "@prompt-set", "你是诗人"),
        ("@prompt-set你是诗人", "@prompt-set", "你是诗人"),
        ("@角色默认", "@prompt-set", "默认"),
        ("@角色扮演一位老师", "@prompt-set", "扮演一位老师"),
        ("@prompt set 诗人", "@prompt-set", "诗人"),
        ("@角色库英语", "@role", "英语"),
        ("@角色库3", "@role", "3"),
        ("@换角色#3", "@role", "#3"),
        ("@role英语", "@role", "英语"),
        ("@换模型2", "@model", "2"),
        ("@模型deepseek", "@model", "deepseek"),
        ("@模型通义千问", "@model", "通义千问"),
        ("@切换模型 千问", "@model", "千问"),
        ("@差评答非所问", "@bad", "答非所问"),
        ("@忘记我确认", "@forget", "确认"),
        ("@👍🏻", "@good", ""),
        # Punctuation, emoji and courtesy at the end.
        ("@导出。", "@export", ""),
        ("@help。", "@help", ""),
        ("@Help！！", "@help", ""),
        ("@HELP?", "@help", ""),
        ("@help...", "@help", ""),
        ("@help~", "@help", ""),
        ("@帮助？", "@help", ""),
        ("@帮助～", "@help", ""),
        ("@清除…", "@clear", ""),
        ("@help 😊", "@help", "😊"),
        ("@帮助😊", "@help", "😊"),
        ("@帮助一下", "@help", "一下"),
        ("@停止吧！", "@stop", "吧！"),
        ("@历史谢谢", "@history", "谢谢"),
        ("@help谢谢", "@help", "谢谢"),
        # The sign apart from its word, of any width, with what nobody sees.
        ("@ 帮助", "@help", ""),
        ("＠　帮助", "@help", ""),
        ("@ export", "@export", ""),
        ("@ help", "@help", ""),
        ("﹫ 导出pdf", "@export", "pdf"),
        ("\u200b@help", "@help", ""),
        ("@\u200bhelp\u200b", "@help", ""),
        ("＠ＨＥＬＰ！", "@help", ""),
        # Other words for the same.
        ("@重新开始", "@clear", ""),
        ("@清空上下文。", "@clear", ""),
        ("@新对话", "@clear", ""),
        ("@Reset", "@clear", ""),
        ("@历史对话", "@history", ""),
        ("@聊天记录", "@history", ""),
        ("@停下来！", "@stop", ""),
        ("@别说了", "@stop", ""),
        ("@指令", "@help", ""),
        ("@怎么用？", "@help", ""),
        ("@commands", "@help", ""),
        ("@余额", "@usage", ""),
        ("@我的用量", "@usage", ""),
        ("@点赞", "@good", ""),
        ("@删除聊天记录", "@forget", ""),
        ("@persona 你是诗人", "@prompt-set", "你是诗人"),
        ("@切换角色", "@role", ""),
        ("@更多", "@more", ""),
        ("@花了多少钱？", "@usage", ""),
        ("@bad答非所问", "@bad", "答非所问"),
        # A number, a period or what a file's name ends in, right behind the name.
        ("@历史3", "@history", "3"),
        ("@历史记录１０条", "@history", "１０条"),
        ("@历史最近5条", "@history", "最近5条"),
        ("@继续2", "@more", "2"),
        ("@继续第3条", "@more", "第3条"),
        ("@导出3", "@export", "3"),
        ("@导出第三次", "@export", "第三次"),
        ("@导出.pdf", "@export", "pdf"),
        ("＠导出．ＰＤＦ", "@export", "ＰＤＦ"),
        ("@导出ＰＤＦ", "@export", "ＰＤＦ"),
        ("@历史３", "@history", "３"),
        ("@导出.md吧", "@export", "md吧"),
        ("@导出。html", "@export", "html"),
        ("@下载.html", "@export", "html"),
        ("@用量本月", "@usage", "本月"),
        # Longer wordings, and what a person says around a command.
        ("@继续写", "@more", ""),
        ("@继续说下去吧", "@more", "吧"),
        ("@接着写！", "@more", ""),
        ("@往下说呗", "@more", "呗"),
        ("@剩下的呢", "@more", "呢"),
        ("@够了", "@stop", ""),
        ("@够了！谢谢", "@stop", "谢谢"),
        ("@可以了谢谢", "@stop", "谢谢"),
        ("@停一下好不好", "@stop", "一下好不好"),
        ("@先停下吧", "@stop", "下吧"),
        ("@别再说了", "@stop", ""),
        ("@现在停止", "@stop", ""),
        ("@看看历史", "@history", ""),
        ("@查看一下我的聊天记录", "@history", ""),
        ("@我想看历史记录", "@history", ""),
        ("@之前的对话", "@history", ""),
        ("@查一下用量", "@usage", ""),
        ("@看看我还剩多少额度", "@usage", ""),
        ("@我想导出pdf", "@export", "pdf"),
        ("@帮我导出全部", "@export", "全部"),
        ("@把对话导出成pdf吧", "@export", "成pdf吧"),
        ("@导出一份pdf", "@export", "一份pdf"),
        ("@导出这段对话", "@export", "这段对话"),
        ("@导出到word", "@export", "到word"),
        ("@给我画一只猫", "@image", "一只猫"),
        ("@我要画图：一只猫", "@image", "一只猫"),
        ("@开个新对话吧", "@clear", "吧"),
        ("@重新来一次", "@clear", "一次"),
        ("@忘掉上文", "@clear", ""),
        ("@有哪些指令？", "@help", ""),
        ("@你能做什么呀", "@help", "呀"),
        ("@打开菜单", "@help", ""),
        ("@不要markdown", "@plain", ""),
        ("@show my history", "@history", ""),
        ("@please export as pdf", "@export", "as pdf"),
        ("@export this conversation as html", "@export", "this conversation as html"),
        ("@can you draw a cat", "@image", "a cat"),
        ("@keep going please", "@more", "please"),
        ("@that's enough, thanks", "@stop", "thanks"),
        ("@what can you do?", "@help", ""),
        ("@start over", "@clear", ""),
        # Traditional characters, in the command and in what is said with it.
        ("@畫圖一隻貓", "@image", "一隻貓"),
        ("@匯出全部對話", "@export", "全部對話"),
        ("＠歷史記錄！", "@history", ""),
        ("@忘記我確認", "@forget", "確認"),
        # Emoji and a please in front.
        ("😊 @help", "@help", ""),
        ("👉🏻@导出pdf", "@export", "pdf"),
        ("@请帮我画图：一只猫", "@image", "一只猫"),
        ("@麻煩清除一下，謝謝", "@clear", "一下，謝謝"),
        # What there is not is said by the command, and not made up by a model.
        ("@导出最近三天的", "@export", "最近三天的"),
    ],
)
def test_a_line_is_the_command_a_person_means(line: str, name: str, argument: str) -> None:
    found = reading(line)

    assert isinstance(found, CommandIntent), found
    assert (name, argument) == (found.command.name, found.argument)


@pytest.mark.parametrize(
    ("line", "chain", "words"),
    [
        ("@翻译你好", "translator", "你好"),
        ("@翻译：你好", "translator", "你好"),
        ("@翻译hello", "translator", "hello"),
        ("@翻译“hello”", "translator", "“hello”"),
        ("@ 翻译 hello", "translator", "hello"),
        ("@translate你好", "translator", "你好"),
        ("@translate, hello", "translator", "hello"),
        ("@Translate: hello?", "translator", "hello?"),
        ("@译早上好", "translator", "早上好"),
        ("@請翻譯：你好", "translator", "你好"),
        ("@it，打印机坏了", "it", "打印机坏了"),
        ("@IT 打印机坏了", "it", "打印机坏了"),
        ("@导出报表 本周", "reports", "本周"),
        ("@导出报表本周", "reports", "本周"),
        ("@重置密码", "fresh", "密码"),
        ("@new york", "fresh", "york"),
    ],
)
def test_a_chain_is_called_the_same_way(line: str, chain: str, words: str) -> None:
    assert Question(words, chain=chain) == reading(line)


@pytest.mark.parametrize("line", ["@翻译", "@翻译。", "@translate！", "@ 翻译", "@IT?", "@重置", "@取消"])
def test_a_chains_command_alone_is_welcomed_and_comes_before_a_synonym(line: str) -> None:
    assert isinstance(reading(line), Welcome)


async def test_a_word_of_a_chain_that_is_a_synonym_of_stop_waits_its_turn() -> None:
    event = InboundEvent("k", ALICE, Text("@取消"), NOON)
    async with open_chains_harness() as plain, open_chains_harness(catalog=CHAINS) as with_chain:
        assert plain.chains.urgent(event)
        assert not with_chain.chains.urgent(event)


@pytest.mark.parametrize(
    "line",
    [
        "@helpme",
        "@help_me",
        "@help-desk",
        "@helper",
        "@help.com",
        "@help.com 是什么网站",
        "@help@example.com",
        "@stop_it",
        "@role/admin",
        "@export(default)",
        "@click:http://example.com",
        "@@help",
        "@",
        "＠",
        "@ ",
        "help@example.com",
        "zhang.san@帮助.com",
        "请发 @help",
        "怎么用@画图一只猫",
        "@帮助.com",
        "@导出@example.com",
        "@helpé",
        "@property\ndef name(self): ...",
        "@media (max-width: 600px)",
        "@Override public void run()",
        "@Component({selector: 'x'})",
        "@import url('x.css')",
        # Words that only begin like a command.
        "@历史上的今天发生了什么",
        "@历史老师",
        "@停车场在哪里",
        "@停止播放音乐",
        "@统计一下这些数字：1、2、3",
        "@清除浏览器缓存的方法",
        "@清空购物车的按钮怎么写",
        "@赞美一下春天",
        "@踩坑记录",
        "@菜单怎么设计",
        "@帮助我写一封邮件",
        "@图片里有什么",
        "@图片的大小",
        "@画家是谁",
        "@画图软件推荐",
        "@导出来的文件在哪",
        "@导出按钮怎么做",
        "@模型训练要多久",
        "@模型是什么",
        "@角色的意思",
        "@角色扮演",
        "@角色扮演！",
        "@导出word里的表格怎么做",
        "@停车",
        "@历法",
        "@画家",
        "@用户",
        "@帮忙",
        "@人设崩塌",
        "@忘记我们的约会了",
        "@用量怎么算",
        # Everyday words among the synonyms mean the command only by themselves.
        "@取消会议",
        "@取消 明天的会议",
        "@功能 测试怎么写",
        "@说明 一下相对论",
        "@like this one",
        "@下载电影",
        "@请停止播放音乐",
        "@帮我看看这段代码",
        "👉 张三 @help",
        # What a command's name, a number or a wish begins, and does not end.
        "@导出口贸易怎么做",
        "@导出3D模型的方法",
        "@导出三次握手的图",
        "@导出一份报表怎么做",
        "@导出.NET程序集的方法",
        "@导出.py 报错了",
        "@图片.png 打不开",
        "@换角色.com",
        "@模型.pt 怎么加载",
        "@帮助.pdf",
        "@历史3班的成绩",
        "@历史3000年",
        "@历史第一人是谁",
        "@继续写代码",
        "@继续写下一章",
        "@继续3个月的计划",
        "@够了吗这些钱",
        "@够了不起的",
        "@可以了解一下吗",
        "@算了算要多少钱",
        "@不用说了算不算违约",
        "@我想帮助别人",
        "@我想停车",
        "@我要取消会议",
        "@看画家的作品",
        "@看看历史上的今天",
        "@查用户手册",
        "@查模型参数怎么调",
        "@打开菜单按钮怎么写",
        "@给我画大饼的老板",
        "@用法不对怎么办",
        "@用量本月怎么算",
        "@你会什么乐器",
        "@剩下的钱怎么花",
        "@后面的人别说话",
        "@现在停电了",
        "@开新对话框的代码",
        "@show me the money",
        "@please help me write a letter",
        "@can you help me with this",
        "@enough money to retire",
        "@continue the story",
        "@start over the wall",
        "@到处都是水",
        "@张三 你好",
        "@所有人 开会了",
        "@webot 你好",
    ],
)
async def test_ordinary_speech_goes_to_the_model_as_it_was_written(line: str) -> None:
    found = reading(line)

    assert not isinstance(found, CommandIntent | Welcome)
    assert near_miss(line, NAMES) is None
