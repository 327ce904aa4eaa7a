"""What an event asks of us."""

import pytest

from chains.command import CommandIntent
from chains.commands import all_commands
from chains.routing.intents import (
    DocumentIntent,
    FixedReply,
    ImageIntent,
    Intent,
    NoReply,
    Question,
    VoiceIntent,
    read_intent,
)
from pipeline.events import (
    CardActed,
    Clicked,
    Content,
    Entered,
    File,
    Image,
    Link,
    Location,
    PlatformNotice,
    Position,
    Scanned,
    Subscribed,
    Text,
    UnknownEvent,
    UnknownMessage,
    Unsubscribed,
    Video,
    Viewed,
    Voice,
)
from pipeline.text.i18n import Catalogue, load_sentences

COMMANDS = all_commands()


def reading(content: Content) -> Intent:
    return read_intent(content, commands=COMMANDS, catalogue=Catalogue("zh"))


@pytest.mark.parametrize(
    ("line", "name", "argument"),
    [
        pytest.param("@help", "@help", "", id="a name alone"),
        pytest.param("  @help  ", "@help", "", id="white space around it is nothing"),
        pytest.param("\n@help\n", "@help", "", id="newlines around it are nothing"),
        pytest.param("@HELP", "@help", "", id="case is nothing"),
        pytest.param("@Prompt-Set you are Bob", "@prompt-set", "you are Bob", id="case is nothing before words either"),
        pytest.param("＠help", "@help", "", id="a full-width sign"),
        pytest.param("﹫help", "@help", "", id="a small sign"),
        pytest.param("＠ｈｅｌｐ", "@help", "", id="full-width letters"),
        pytest.param("@help me", "@help", "me", id="words behind are its argument"),
        pytest.param("@prompt-set\u3000你是诗人", "@prompt-set", "你是诗人", id="a full-width space parts words"),
        pytest.param("@prompt-set\n你是诗人\n爱写诗", "@prompt-set", "你是诗人\n爱写诗", id="a newline parts words"),
        pytest.param("@角色 你是诗人", "@prompt-set", "你是诗人", id="a Chinese name"),
        pytest.param("＠帮助", "@help", "", id="a Chinese name with a full-width sign"),
        pytest.param("@清除", "@clear", "", id="to clear, in Chinese"),
        pytest.param("@历史", "@history", "", id="to list, in Chinese"),
        pytest.param("@停止", "@stop", "", id="to stop, in Chinese"),
        pytest.param("@画图 一只猫", "@image", "一只猫", id="to draw, in Chinese"),
        pytest.param("@导出 全部", "@export", "全部", id="to export, in Chinese"),
    ],
)
@pytest.mark.parametrize("as_content", [Text, Clicked], ids=["typed", "clicked"])
def test_a_first_word_that_is_a_command_gives_it(
    as_content: type[Text | Clicked], line: str, name: str, argument: str
) -> None:
    found = reading(as_content(line))

    assert isinstance(found, CommandIntent)
    assert (name, argument) == (found.command.name, found.argument)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("help", id="a name without its sign"),
        pytest.param("@helpme", id="a longer word"),
        pytest.param("@nosuch", id="an unknown word with a sign"),
        pytest.param("@", id="a sign alone"),
        pytest.param("please @help", id="a command in the middle"),
        pytest.param("@@help", id="two signs"),
        pytest.param("alice@help", id="an address"),
    ],
)
def test_any_other_line_is_text(line: str) -> None:
    assert Question(line) == reading(Text(line))


def test_text_reaches_the_model_to_the_last_space_and_newline() -> None:
    assert Question("  def f():\n    pass\n\n") == reading(Text("  def f():\n    pass\n\n"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (Text(" \n\t"), FixedReply("kind.blank")),
        (Text(""), FixedReply("kind.blank")),
        (Text("a\x00b\ud800c\ud83d\ude00"), Question("ab\ufffdc😀")),
        (Clicked("V1001_NEWS"), FixedReply("kind.clicked")),
        (Clicked(""), FixedReply("kind.clicked")),
        (
            Location(23.13, 113.26, "广州{市}越秀区"),
            Question("这是我发送的位置：广州{市}越秀区（纬度 23.13，经度 113.26）"),
        ),
        (
            Link("标题", "说明", "https://example.com/{x}"),
            Question("这是我分享的网页：标题\n说明\nhttps://example.com/{x}"),
        ),
        (Link("标题", "", "https://example.com"), Question("这是我分享的网页：标题\nhttps://example.com")),
        (Scanned("rselfmenu_0", "6901234567892"), Question("这是我扫码得到的内容：6901234567892")),
        (Image("m"), ImageIntent("m")),
        (Voice("m", "amr"), VoiceIntent("m")),
        (Video("m"), FixedReply("kind.video")),
        (File("m", "a.pdf"), DocumentIntent("m", "a.pdf")),
        (UnknownMessage("news"), FixedReply("kind.unknown_message")),
        (Subscribed(), FixedReply("kind.subscribed")),
        (Unsubscribed(), NoReply()),
        (Entered(), NoReply()),
        (Viewed("https://example.com"), NoReply()),
        (Position(1.0, 2.0, 3.0), NoReply()),
        (CardActed("k", "t", "vote", "r"), NoReply()),
        (PlatformNotice("change_contact"), NoReply()),
        (UnknownEvent("new_thing"), NoReply()),
    ],
    ids=lambda value: repr(value)[:60] if isinstance(value, Content) else "",
)
def test_each_kind_is_read(content: Content, expected: Intent) -> None:
    found = reading(content)

    assert expected == found
    if isinstance(found, FixedReply):
        assert load_sentences("zh")[found.sentence]
        assert load_sentences("en")[found.sentence]
