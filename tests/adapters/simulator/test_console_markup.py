"""How an app's message is shown: WeCom's subset, and nothing that a message could do to the page."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.console_markup import markdown, plain

CODE = '<figure class="code">{}<pre tabindex="0"><code>{}</code></pre></figure>'
LINK = '<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>'


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        pytest.param("a\nb", "<p>a<br>b</p>", id="lines are lines"),
        pytest.param("a\n\nb", "<p>a</p><p>b</p>", id="an empty line parts"),
        pytest.param("## 标题", '<p class="heading h2" role="heading" aria-level="2">标题</p>', id="a heading"),
        pytest.param("#话题", "<p>#话题</p>", id="no heading without a space"),
        pytest.param("**粗**体", "<p><strong>粗</strong>体</p>", id="bold"),
        pytest.param("** 不 **", "<p>** 不 **</p>", id="asterisks among spaces"),
        pytest.param("`a **b**`", "<p><code>a **b**</code></p>", id="code is as it is"),
        pytest.param("> 一\n> 二", "<blockquote>一<br>二</blockquote>", id="a quote"),
        pytest.param('<font color="warning">红</font>', '<p><span class="colour-warning">红</span></p>', id="a colour"),
        pytest.param("<font color='info'>", "<p>&lt;font color=&#39;info&#39;&gt;</p>", id="no other"),
        pytest.param("[文](https://a.b/?c=1&d)", f"<p>{LINK.format('https://a.b/?c=1&amp;d', '文')}</p>", id="a link"),
        pytest.param("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>", id="no other scheme"),
        pytest.param('[x](https://a"on=x)', f"<p>{LINK.format('https://a&#34;on=x', 'x')}</p>", id="a quote mark"),
        pytest.param(
            "```py\na < b\n\n# c\n```\nd",
            CODE.format("<figcaption>py</figcaption>", "a &lt; b\n\n# c") + "<p>d</p>",
            id="a fence",
        ),
        pytest.param(
            "````\n```\n````",
            CODE.format("", "```"),
            id="a fence around a fence",
        ),
        pytest.param(
            "```\nnever closed",
            CODE.format("", "never closed"),
            id="a fence that goes on in the next message",
        ),
    ],
)  # fmt: skip
def test_the_subset(written: str, shown: str) -> None:
    assert shown == markdown(written)


TABLE = '<div class="table" tabindex="0"><table><thead>{}</thead><tbody>{}</tbody></table></div>'


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        pytest.param(
            "一\n| a | **b** |\n|---|:-:|\n| <c> | d \\| e |\n二",
            "<p>一</p>"
            + TABLE.format(
                "<tr><th>a</th><th><strong>b</strong></th></tr>",
                "<tr><td>&lt;c&gt;</td><td>d \\| e</td></tr>",
            )
            + "<p>二</p>",
            id="a table among words",
        ),
        pytest.param("a | b", "<p>a | b</p>", id="a bar alone is no table"),
        pytest.param("a | b\n---|---", TABLE.format("<tr><th>a</th><th>b</th></tr>", ""), id="a table that begins"),
    ],
)
def test_a_bots_markdown_has_tables(written: str, shown: str) -> None:
    assert shown == markdown(written, tables=True)


def test_an_apps_markdown_has_no_tables() -> None:
    assert "<p>| a |<br>|---|</p>" == markdown("| a |\n|---|")


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        pytest.param("**a** <b>", "**a** &lt;b&gt;", id="words are words"),
        pytest.param("见 https://a.b/c。", f"见 {LINK.format('https://a.b/c', 'https://a.b/c')}。", id="an address"),
        pytest.param("(https://a.b/)", f"({LINK.format('https://a.b/', 'https://a.b/')})", id="in brackets"),
        pytest.param('<a href="https://a.b">点</a>', LINK.format("https://a.b", "点"), id="the link WeCom allows"),
        pytest.param('<a href="javascript:x">点</a>', "点", id="no other scheme"),
    ],
)  # fmt: skip
def test_a_text_message(written: str, shown: str) -> None:
    assert f'<p class="plain">{shown}</p>' == plain(written)


TAGS = ["<script>", "</p>", "</font>", '<font color="info">', '<a href="', '">', "</a>"]
MARKS = ['"', "'", "&", "`", "```", "**", "[", "](", ")", "javascript:", "https://x", "\n", "> ", "# ", " ", "字"]
PIECES = st.sampled_from([*TAGS, *MARKS])
OURS = re.compile(
    r"</?(?:p|br|strong|code|blockquote|figure|figcaption|pre|span|a)"
    r'(?: (?:class|role|aria-level|tabindex)="[\w -]*")*'
    r'|<a href="https?://[^"<>]*" target="_blank" rel="noopener noreferrer"',
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_only_our_own_tags_are_ever_made(written: str) -> None:
    for shown in (markdown(written), plain(written)):
        tags = re.findall(r"<[^>]*(?=>)", str(shown))

        assert [] == [tag for tag in tags if not OURS.fullmatch(tag)]
        assert "<" not in re.sub(r"<[^>]*>", "", str(shown))
