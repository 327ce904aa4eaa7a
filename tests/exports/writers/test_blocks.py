"""Messages read as what their authors meant: emphasis, references, footnotes, formulas and addresses."""

import pytest

from exports.records import Message
from exports.writers.blocks import Block, Grid, Linked, Paragraph, blocks_of
from exports.writers.html_blocks import HtmlMarkup


def html(text: str) -> str:
    return HtmlMarkup().blocks(blocks_of(Message(1, "ai", text, (), 0.0)))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**方案一：**自建服务器", "<p><strong>方案一：</strong>自建服务器</p>"),
        (
            "**注意：**请先备份。这是**“重点”**内容",
            "<p><strong>注意：</strong>请先备份。这是<strong>“重点”</strong>内容</p>",
        ),
        ("请看**（必读）**和*“斜”*字", "<p>请看<strong>（必读）</strong>和<em>“斜”</em>字</p>"),
        ("2**10 和 3*4*5 路径 src/**/*.py 与 __init__.py", "<p>2**10 和 3*4*5 路径 src/**/*.py 与 __init__.py</p>"),
        ("**Step 1**Install, **bold**text", "<p><strong>Step 1</strong>Install, <strong>bold</strong>text</p>"),
        ("**see a**b here** and x**y", "<p><strong>see a**b here</strong> and x**y</p>"),
        ("f(**a, x**2)", "<p>f(**a, x**2)</p>"),
        ("a**b and c**d", "<p>a**b and c**d</p>"),
        ("[1]: 员工手册第三章", "<p>[1]: 员工手册第三章</p>"),
        ("见[1]和[附录]\n\n[1]: 手册\n[附录]: ./说明.md", "<p>见[1]和[附录]</p><p>[1]: 手册<br/>[附录]: ./说明.md</p>"),
        (
            "年假 5 天[^1]\n\n[^1]: 这是脚注的内容。\n[^注]: 第二个",
            '<p>年假 5 天<sup>1</sup></p><p class="note"><sup>1</sup> 这是脚注的内容。</p>'  # noqa: ISC004
            '<p class="note"><sup>注</sup> 第二个</p>',
        ),
        ("- [x] 好\n- [ ] 待", '<ul class="tasks" dir="auto"><li>☑ 好</li><li>☐ 待</li></ul>'),
        ("- [x] 好\n- 待", '<ul dir="auto"><li>☑ 好</li><li>待</li></ul>'),
        ("正则 [^a-z] 不是脚注", "<p>正则 [^a-z] 不是脚注</p>"),
        ("一<br>二<BR/>三", "<p>一<br/>二<br/>三</p>"),
        ("`a<br>b` <b>", "<p><code>a&lt;br&gt;b</code> &lt;b&gt;</p>"),
        ("<a@b.com>", '<p><a href="mailto:a@b.com">a@b.com</a></p>'),
        (
            "<https://zh.wikipedia.org/wiki/%E5%B9%B4%E5%81%87>",
            '<p><a href="https://zh.wikipedia.org/wiki/%E5%B9%B4%E5%81%87">https://zh.wikipedia.org/wiki/年假</a></p>',
        ),
        (
            "见 https://e.com/%E5%B9%B4?a=1&b=2。好",
            '<p>见 <a href="https://e.com/%E5%B9%B4?a=1&amp;b=2">https://e.com/年?a=1&amp;b=2</a>。好</p>',
        ),
        ("(https://e.com/a).", '<p>(<a href="https://e.com/a">https://e.com/a</a>).</p>'),
        ("$5 and $10，$HOME/bin:$PATH，US$5", "<p>$5 and $10，$HOME/bin:$PATH，US$5</p>"),
        (
            "令 $x$ 为 $\\foo{y}$",
            '<p>令 <math><mrow><mi>x</mi></mrow></math> 为 <span class="formula">$\\foo{y}$</span></p>',
        ),
        ("响铃\x07 反转\u202e", "<p>响铃□U+0007 反转□U+202E</p>"),
    ],
)
def test_what_is_meant_is_what_is_shown(text: str, shown: str) -> None:
    assert shown == html(text)


def test_a_cell_has_lines_emphasis_and_formulas() -> None:
    shown = html("| 甲 | 乙 |\n|---|:-:|\n| **注：**一<br>二 | $\\frac{a}{b}$ |")

    assert "<strong>注：</strong>一<br/>二</td>" in shown
    assert "<mfrac><mi>a</mi><mi>b</mi></mfrac>" in shown.replace("<mrow>", "").replace("</mrow>", "")


def test_what_a_person_typed_stays_as_typed_but_for_links() -> None:
    asked: tuple[Block, ...] = blocks_of(Message(1, "human", "**不加粗** $x$ https://e.com/%E5%B9%B4", (), 0.0))

    match asked:
        case (Paragraph((before, Linked(address, _))),):
            assert ("https://e.com/%E5%B9%B4", "**不加粗** $x$ ") == (address, getattr(before, "text", ""))
        case _:
            pytest.fail(str(asked))


def test_more_formulas_than_a_message_should_have_are_shown_as_they_were_written() -> None:
    shown = html("$\\alpha_1$ " * 2000)

    assert "<math>" not in shown
    assert 2000 == shown.count("$\\alpha_1$")


def test_a_table_has_its_columns_aligned() -> None:
    (grid,) = blocks_of(Message(1, "ai", "|a|b|c|\n|:-|:-:|-:|\n|1|2|3|", (), 0.0))

    assert isinstance(grid, Grid)
    assert ("left", "center", "right") == grid.aligned
