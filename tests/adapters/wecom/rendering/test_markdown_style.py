"""What becomes of CommonMark in an app's markdown message, construct by construct."""

import pytest

from adapters.wecom.rendering.layout import rows
from adapters.wecom.rendering.markdown_style import MarkdownStyle
from adapters.wecom.rendering.message_splitting import pieces
from pipeline.text.i18n import Catalogue

# An invisible space that keeps WeCom from reading markup.
APART = "\u200b"


def shown(text: str) -> str:
    return "\n".join(pieces(rows(text, MarkdownStyle(Catalogue("zh")))))


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        pytest.param("## 标题", "## 标题", id="a heading"),
        pytest.param("###### 六级", "###### 六级", id="a heading of the sixth level"),
        pytest.param("标题\n---", "## 标题", id="an underlined heading"),
        pytest.param("## **粗**标题", "## 粗标题", id="bold in a heading, which is bold anyway"),
        pytest.param("- # 标题", "• **标题**", id="a heading in a list, where WeCom knows none"),
        pytest.param("**粗体**", "**粗体**", id="bold"),
        pytest.param("__粗体__", "**粗体**", id="bold by underscores"),
        pytest.param("***粗斜体***", "**粗斜体**", id="bold italics"),
        pytest.param("*斜体*和_斜体_", "斜体和_斜体_", id="italics, by underscores not inside words"),
        pytest.param("~~旧~~", "（已划去：旧）", id="strikethrough"),
        pytest.param("`x = 1`", "`x = 1`", id="inline code"),
        pytest.param("[文档](https://a.example/b)", "[文档](https://a.example/b)", id="a link"),
        pytest.param('[文档](https://a.example "标题")', "[文档](https://a.example)", id="a link's title is left out"),
        pytest.param("<a@b.com>", "a@b.com", id="a mail address in brackets"),
        pytest.param("[写信](mailto:a@b.com)", "[写信](mailto:a@b.com)", id="words that lead to a mail address"),
        pytest.param("<https://a.example>", "[https://a.example](https://a.example)", id="an address in brackets"),
        pytest.param("![图](https://a.example/b.png)", "[图片：图](https://a.example/b.png)", id="a picture"),
        pytest.param("![](https://a.example/b.png)", "[图片](https://a.example/b.png)", id="a picture without words"),
        pytest.param("![图](data:image/png;base64,AAAA)", "图片：图", id="a picture in its own address"),
        pytest.param("- 甲\n- 乙", "• 甲\n• 乙", id="a list"),
        pytest.param("- 甲\n  - 乙\n    - 丙", "• 甲\n　◦ 乙\n　　· 丙", id="lists in lists, indented with full width"),
        pytest.param("- 甲\n\n  再说", "• 甲\n\n　再说", id="a second paragraph of an item"),
        pytest.param("3. 甲\n4. 乙", "3. 甲\n4. 乙", id="a list with numbers begins where it begins"),
        pytest.param("1. 甲\n1. 乙", "1. 甲\n2. 乙", id="a list numbered by its reader"),
        pytest.param("1) 甲", "1) 甲", id="numbers with a bracket"),
        pytest.param("1. 甲\n   - 乙", "1. 甲\n　• 乙", id="a list in a list with numbers"),
        pytest.param("- [ ] 甲\n- [x] 乙", "☐ 甲\n☑ 乙", id="boxes to tick"),
        pytest.param("> 甲\n> 乙", "> 甲\n> 乙", id="a quote"),
        pytest.param("> 甲\n>\n> 乙", "> 甲\n>\n> 乙", id="paragraphs of a quote"),
        pytest.param("> 甲\n>\n> > 乙", "> 甲\n>\n> ▎乙", id="a quote in a quote"),
        pytest.param("> - 甲", "> • 甲", id="a list in a quote"),
        pytest.param("- > 甲", "> • 甲", id="a quote in a list"),
        pytest.param("甲\n\n---\n\n乙", "甲\n────────────\n乙", id="a rule"),
        pytest.param("甲\n乙", "甲\n乙", id="a soft line break"),
        pytest.param("甲  \n乙\\\n丙<br>丁", "甲\n乙\n丙\n丁", id="hard line breaks"),
        pytest.param("```py\n# x\n```", "```py\n# x\n```", id="code"),
        pytest.param("``` 请看 这里\nx\n```", "请看 这里\n```\nx\n```", id="words behind a fence"),
        pytest.param("~~~\nx\n~~~", "```\nx\n```", id="code in another fence"),
        pytest.param("```\nx", "```\nx\n```", id="code without an end"),
        pytest.param("    x\n      y", "```\nx\n  y\n```", id="indented code"),
        pytest.param("1. 甲\n   ```\n   x\n   ```", "1. 甲\n```\nx\n```", id="code in a list is not indented"),
        pytest.param("- ```\n  x\n  ```", "•\n```\nx\n```", id="code right behind a bullet"),
        pytest.param('<font color="info">甲</font>', '<font color="info">甲</font>', id="a colour of WeCom's"),
        pytest.param(
            "**<font color='info'>甲</font>**", '<font color="info">甲</font>', id="a colour goes before bold"
        ),
        pytest.param("**甲 [乙](https://a.b) 丙**", "**甲** [乙](https://a.b) **丙**", id="a link goes before bold"),
        pytest.param("[**甲** `乙`](https://a.b)", "[甲 乙](https://a.b)", id="a link has one look"),
        pytest.param("甲[^1]\n\n[^1]: 乙", "甲[^1]\n\n[^1]: 乙", id="a footnote of one word"),
        pytest.param("[![甲](https://a.b/c)](https://a.b)", "[图片：甲](https://a.b)", id="a picture that is a link"),
    ],
)
def test_what_wecom_can_show_is_shown_and_the_rest_is_made_readable(written: str, seen: str) -> None:
    assert seen == shown(written)


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        pytest.param("**注意：**请看", "**注意：**请看", id="bold that ends in Chinese punctuation"),
        pytest.param("请看**“这里”**。", "请看**“这里”**。", id="bold in Chinese quotation marks"),
        pytest.param("~~旧价：~~新价", "（已划去：旧价：）新价", id="strikethrough that ends in Chinese punctuation"),
        pytest.param("**甲**（**乙**）", "**甲**（**乙**）", id="bold in Chinese brackets"),
        pytest.param("2**10、3*4*5", f"2*{APART}*10、3*4*5", id="powers and products are no emphasis"),
        pytest.param("src/*.py 和 docs/*.md", "src/*.py 和 docs/*.md", id="patterns of file names are no emphasis"),
        pytest.param("__init__.py 和 a_b_c", "__init__.py 和 a_b_c", id="names are no emphasis"),
        pytest.param(r"设 \(a_1 \{b\}\) 与 $\frac{a}{b}$", "设 a₁ {b} 与 a/b", id="formulas"),
        pytest.param(
            r"设 \(\mystery_1 \{b\}\)", r"设 \(\mystery_1 \{b\}\)", id="a formula that Unicode has no form for"
        ),
        pytest.param("$$\n\\x \\\\\n\n- y\n$$", "$$\n\\x \\\\\n\n- y\n$$", id="a formula of several lines"),
        pytest.param("$5 到 $10_000", "$5 到 $10_000", id="prices are no formula"),
        pytest.param(r"\[1\]", "[1]", id="an escaped bracket is no formula"),
        pytest.param("[甲][1]\n\n[1]: https://a.b", "[甲](https://a.b)", id="a link by its label"),
        pytest.param("甲[1]\n\n[2]: https://a.b", "甲[1]\n\n[2]: https://a.b", id="a definition nobody uses is shown"),
        pytest.param("<div>甲</div>", "<div>甲</div>", id="HTML is text"),
        pytest.param("&lt;b&gt; &amp; &copy;", "<b> & ©", id="entities"),
        pytest.param("#话题#", f"{APART}#话题#", id="a topic is no heading"),
    ],
)
def test_what_models_write_is_read_as_they_mean_it(written: str, seen: str) -> None:
    assert seen.replace("\n\n", "\n") == shown(written).replace("\n\n", "\n")


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        pytest.param(r"\*\*甲\*\*", f"*{APART}*甲*{APART}*", id="escaped asterisks"),
        pytest.param(r"\# 甲", f"{APART}# 甲", id="an escaped sharp"),
        pytest.param(r"\> 甲", f"{APART}> 甲", id="an escaped angle"),
        pytest.param(r"\[甲\](https://a.b)", f"[甲]{APART}(https://a.b)", id="an escaped link"),
        pytest.param("[甲](javascript:x)", f"[甲]{APART}(javascript:x)", id="a link to a script"),
        pytest.param("&lt;font color=info&gt;", f"<{APART}font color=info>", id="an escaped colour"),
        pytest.param(
            "<font color='red'>甲</font>", f"<{APART}font color='red'>甲<{APART}/font>", id="no colour of WeCom's"
        ),
        pytest.param('<font color="info">甲', f'<{APART}font color="info">甲', id="a colour that does not end"),
        pytest.param("<@zhangsan>", f"<{APART}@zhangsan>", id="a mention"),
        pytest.param('<a href="https://a.b">甲</a>', f'<{APART}a href="https://a.b">甲<{APART}/a>', id="an anchor"),
        pytest.param("`` a`b ``", "`aˋb`", id="a backtick in code"),
        pytest.param(r"\`甲\`", "ˋ甲ˋ", id="escaped backticks"),
        pytest.param(r"\***甲**", f"*{APART}**甲**", id="an asterisk before bold"),
        pytest.param("[[1]](https://a.b/(c))", "[［1］](https://a.b/%28c%29)", id="brackets in a link"),
        pytest.param("[甲](./b.md)和[乙](#c)", "甲（./b.md）和乙", id="links that lead nowhere in a chat"),
    ],
)
def test_words_do_not_turn_into_markup(written: str, seen: str) -> None:
    assert seen == shown(written)


def test_a_link_that_leaves_no_room_is_written_out() -> None:
    address = "https://a.example/" + "b" * 1000

    assert f"文档（{address}）" == shown(f"[文档]({address})")


def test_a_short_table_keeps_its_columns() -> None:
    assert "**姓名｜部门**\n张三｜**研发**\n李四｜—" == shown("|姓名|部门|\n|-|-|\n|张三|**研发**|\n|李四||")


def test_a_wide_table_becomes_cards() -> None:
    long = "很长的内容" * 5

    seen = shown(f"|甲|乙|丙|\n|-|-|-|\n|一|{long}||\n|二|{long}|第一行<br>第二行|")

    assert f"**甲：一**\n乙：{long}\n丙：—\n\n**甲：二**\n乙：{long}\n丙：第一行\n　第二行" == seen


def test_a_wide_table_of_two_columns_becomes_terms() -> None:
    long = "很长的内容" * 5

    assert f"**参数｜说明**\n**甲：**{long}\n`乙`：{long}" == shown(f"|参数|说明|\n|-|-|\n|甲|{long}|\n|`乙`|{long}|")


def test_a_table_without_chinese_has_colons_of_its_own_script() -> None:
    long = "long words " * 5

    cards = shown(f"|a|b:|c|\n|-|-|-|\n|1|{long}||\n")
    terms = shown(f"|key|meaning|\n|-|-|\n|a|{long}|\n|`b`|{long}|")

    assert f"**a: 1**\nb: {long.strip()}\nc: —" == cards
    assert f"**key｜meaning**\n**a:** {long.strip()}\n`b`: {long.strip()}" == terms


def test_a_table_in_a_quote_in_a_list_stays_there() -> None:
    assert "> •\n> 　**a｜b**\n> 　1｜2" == shown("- > |a|b|\n  > |-|-|\n  > |1|2|")


def test_what_is_nested_too_deep_is_read_as_words() -> None:
    seen = shown("- " * 50 + "甲")

    assert seen.endswith("- - - 甲")
    assert 50 == sum(map(seen.count, "•◦·-"))


@pytest.mark.parametrize("text", ["#", "```\n```", "[]()", "> ", "|a|\n|-|"])
def test_markup_around_nothing_lays_out_without_fault(text: str) -> None:
    assert "\n" not in shown(text)
