"""Thoughts are told apart from what is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.models.parsing.reasoning import ParsedAnswer, split_reasoning

TAGS = [("<think>", "</think>"), ("<THINK>", "</Think>"), ("<thinking>", "</thinking>"), ("<thought>", "</thought>")]
SECRET = "SECRET"

# Words without anything that could be a tag or code.
words = st.text(st.characters(exclude_characters="<[◁＜✿`~", exclude_categories=["Cs"]), max_size=30)


@pytest.mark.parametrize(
    ("text", "thought", "said"),
    [
        pytest.param("Paris.", "", "Paris.", id="an answer without thoughts"),
        pytest.param("<think>hm</think>\n\nParis.", "hm", "Paris.", id="a thought, then the answer"),
        pytest.param("\n<think>\nhm\n</think>Paris.", "hm", "Paris.", id="white space before the thought"),
        pytest.param("<think></think>Paris.", "", "Paris.", id="an empty thought"),
        pytest.param("<think>hm", "hm", "", id="a thought cut off"),
        pytest.param("  <think>hm\nand hm", "hm\nand hm", "", id="a thought cut off after white space"),
        pytest.param("hm</think>Paris.", "hm", "Paris.", id="a thought whose beginning the template wrote"),
        pytest.param("<think>a<think>b</think>c</think>Paris.", "abc", "Paris.", id="a thought in a thought"),
        pytest.param("<think>a<think>b</think>Paris.", "ab", "Paris.", id="a beginning too many"),
        pytest.param("<think>a</think>b</think>Paris.", "a\nb", "Paris.", id="an end too many"),
        pytest.param("<think>a</think>One.<think>b</think>Two.", "a\nb", "One.Two.", id="two thoughts"),
        pytest.param("One.\n<think>b", "b", "One.", id="a second thought cut off"),
        pytest.param("<Thinking>a</THINKING>Paris.", "a", "Paris.", id="another name, other case"),
        pytest.param("< think >a< / think >Paris.", "a", "Paris.", id="spaces in the tags"),
        pytest.param("Use the <think> tag.", "", "Use the <think> tag.", id="a tag only mentioned"),
        pytest.param("Use `<think>` and `</think>`.", "", "Use `<think>` and `</think>`.", id="tags in inline code"),
        pytest.param("Use `<think>x</think>`.", "", "Use `<think>x</think>`.", id="both tags in one inline code"),
        pytest.param(
            "```xml\n<think>\nx\n</think>\n```\ndone", "", "```xml\n<think>\nx\n</think>\n```\ndone", id="code block"
        ),
        pytest.param("~~~\n</think>", "", "~~~\n</think>", id="tags in a code block cut off"),
        pytest.param("<think>use ``` here</think>Paris.", "use ``` here", "Paris.", id="a fence in a thought"),
        pytest.param("<think>is `</think>` it?</think>Yes.", "is `` it?", "Yes.", id="a tag mentioned in a thought"),
        pytest.param("a < b and <b>bold</b>", "", "a < b and <b>bold</b>", id="other angle brackets"),
        pytest.param("one ` tick <think>a</think>Paris.", "a", "one ` tick Paris.", id="a lone tick is no code"),
    ],
)
def test_thought_and_speech(text: str, thought: str, said: str) -> None:
    assert ParsedAnswer(thought, said) == split_reasoning(text)


@given(thought=words, answer=words, tags=st.sampled_from(TAGS))
def test_what_follows_a_thought_is_what_is_said(thought: str, answer: str, tags: tuple[str, str]) -> None:
    begin, end = tags

    assert ParsedAnswer(thought.strip(), answer.strip()) == split_reasoning(f"{begin}{thought}{end}{answer}")


@given(answer=st.text(st.characters(exclude_characters="<[◁＜✿", exclude_categories=["Cs"])))
def test_an_answer_without_tags_is_said_whole(answer: str) -> None:
    assert ParsedAnswer("", answer.strip()) == split_reasoning(answer)


nested = st.recursive(
    words.map(lambda text: text + SECRET),
    lambda inner: st.tuples(inner, inner, st.sampled_from(TAGS)).map(lambda t: f"{t[2][0]}{t[0]}{t[2][1]}{t[1]}"),
    max_leaves=8,
)


@given(thoughts=st.lists(st.tuples(nested, words), min_size=1, max_size=4))
def test_no_nesting_lets_a_thought_out(thoughts: list[tuple[str, str]]) -> None:
    text = "".join(f"<think>{thought}</think>{answer}" for thought, answer in thoughts)

    assert "".join(answer for _, answer in thoughts).strip() == split_reasoning(text).content


@given(thought=words, answer=words, data=st.data())
def test_an_answer_cut_anywhere_shows_no_thought_and_no_piece_of_a_tag(
    thought: str, answer: str, data: st.DataObject
) -> None:
    text = f"<think>{thought}{SECRET}</think>{answer}"
    cut = data.draw(st.integers(0, len(text)))

    said = split_reasoning(text[:cut], whole=False).content

    assert SECRET not in said
    assert "<" not in said
    assert answer.strip().startswith(said)


@given(pieces=st.lists(st.sampled_from(["<think>", "</think>", "`", "```", "\n", "a", " ", "<", ">", "think"])))
def test_no_mixture_of_tags_and_code_breaks_it(pieces: list[str]) -> None:
    text = "".join(pieces)

    split_reasoning(text, whole=False)
    spoken = split_reasoning(text)

    assert len(spoken.content) <= len(text)


def test_a_long_answer_full_of_brackets_is_read_in_linear_time() -> None:
    text = "<think>" + "<think" * 20_000 + "</think>" + "a < b `" * 20_000

    assert split_reasoning(text).content.startswith("a < b")
