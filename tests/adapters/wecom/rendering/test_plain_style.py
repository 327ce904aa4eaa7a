"""What becomes of CommonMark in a text message, construct by construct."""

import pytest

from adapters.wecom.rendering.layout import rows
from adapters.wecom.rendering.message_splitting import pieces
from adapters.wecom.rendering.plain_style import PlainStyle
from pipeline.text.i18n import Catalogue

APART = "\u200b"


def shown(text: str) -> str:
    return "\n".join(pieces(rows(text, PlainStyle(Catalogue("zh")))))


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        pytest.param("## 标题\n\n内容", "【标题】\n内容", id="a heading"),
        pytest.param("#### 小标题", "◆ 小标题", id="a small heading"),
        pytest.param("## 【重要】通知", "◆ 【重要】通知", id="a heading with brackets of its own"),
        pytest.param("- ## 标题", "• 标题", id="a heading in a list"),
        pytest.param("**粗**、*斜*、***粗斜***", "粗、斜、粗斜", id="emphasis"),
        pytest.param("**注意：**请看", "注意：请看", id="bold that ends in Chinese punctuation"),
        pytest.param("~~旧~~", "（已划去：旧）", id="strikethrough"),
        pytest.param("请用`ls -l`命令", "请用 ls -l 命令", id="inline code stands apart"),
        pytest.param("请用 `ls`，再看", "请用 ls，再看", id="inline code that stands apart already"),
        pytest.param("[文档](https://a.example/b_(c))", "文档（https://a.example/b_(c)）", id="a link"),
        pytest.param("<https://a.example>", "https://a.example", id="an address in brackets"),
        pytest.param("<a@b.example>", "a@b.example", id="a mail address"),
        pytest.param("[页内](#b)", "页内", id="a link that leads nowhere"),
        pytest.param("![图](https://a.example/b.png)", "图片：图（https://a.example/b.png）", id="a picture"),
        pytest.param("- 甲\n  1. 乙\n  2. 丙", "• 甲\n　1. 乙\n　2. 丙", id="lists"),
        pytest.param("- [x] 甲", "☑ 甲", id="a box to tick"),
        pytest.param("> 甲\n>\n> > 乙", "▎甲\n▎\n▎▎乙", id="quotes"),
        pytest.param("甲\n```py\n# x\n  y\n```\n乙", "甲\n\n# x\n  y\n\n乙", id="code, as it is"),
        pytest.param("甲[^1]\n\n[^1]: 乙", "甲[^1]\n\n[^1]: 乙", id="a footnote of one word"),
        pytest.param("***", "────────────", id="a rule"),
        pytest.param("|姓名|部门|\n|-|-|\n|张三|研发|", "■ 姓名｜部门\n张三｜研发", id="a table"),
        pytest.param('<font color="info">甲</font>', "甲", id="a colour"),
        pytest.param(r"\# 甲 \*乙\*", "# 甲 *乙*", id="escapes"),
        pytest.param(r"设 $\frac{a}{b}$", "设 a/b", id="a formula"),
    ],
)
def test_nothing_is_left_of_the_markup(written: str, seen: str) -> None:
    assert seen == shown(written)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('<a href="https://evil.example">甲</a>', id="in words"),
        pytest.param("`<A HREF='https://evil.example'>甲</A>`", id="in inline code"),
        pytest.param('```html\n<a href="https://evil.example">甲</a>\n```', id="in code"),
        pytest.param('&lt;a href="https://evil.example"&gt;甲&lt;/a&gt;', id="by entities"),
        pytest.param("\\<a\nhref=https://evil.example>甲</a>", id="over two lines"),
        pytest.param('| <a | href="https://evil.example">甲</a> |\n|-|-|\n| 1 | 2 |', id="over two cells"),
        pytest.param("<*a* href='https://evil.example'>甲<**/a**>", id="in several looks"),
    ],
)
def test_no_words_become_a_link(text: str) -> None:
    seen = shown(text)

    assert "<a" not in seen.lower()
    assert "</a" not in seen.lower()


def test_other_tags_are_left_alone() -> None:
    assert "<abbr> 与 <b>" == shown("<abbr> 与 <b>")
