"""Two texts in pieces, which give both texts again; what is too long for that is compared by the line."""

from hypothesis import given
from hypothesis import strategies as st

from chains.evaluation.text_differences import differences

TEXTS = st.text("ab 哈嘿\n", max_size=60) | st.text(max_size=20)
TOO_MANY_EQUAL = "哈" * 2000


@given(TEXTS, TEXTS)
def test_the_pieces_give_both_texts_again(before: str, after: str) -> None:
    found = [*differences(before, after)]

    assert before == "".join(same + gone for same, gone, _ in found)
    assert after == "".join(same + come for same, _, come in found)
    assert all(same or gone or come for same, gone, come in found)


def test_the_common_ends_of_a_long_text_are_known() -> None:
    assert [(TOO_MANY_EQUAL, "", ""), ("", "", "嘿"), (TOO_MANY_EQUAL, "", "")] == [
        *differences(TOO_MANY_EQUAL * 2, f"{TOO_MANY_EQUAL}嘿{TOO_MANY_EQUAL}")
    ]


def test_a_text_with_too_many_equal_words_is_compared_by_the_line_and_by_the_word_within_it() -> None:
    long = TOO_MANY_EQUAL
    before, after = f"a\none 1\nb\n{long}\nc\n", f"x\none 2\nb\n嘿{long}嘿\nc\n"

    assert [
        ("", "a", "x"),
        ("\none ", "", ""),
        ("", "1", "2"),
        ("\n", "", ""),
        ("b\n", "", ""),
        ("", f"{long}\n", f"嘿{long}嘿\n"),
        ("c\n", "", ""),
    ] == [*differences(before, after)]
