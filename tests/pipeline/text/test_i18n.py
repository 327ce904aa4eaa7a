"""The catalogues say the same things in both languages."""

import re
import string

import pytest

from pipeline.text.i18n import Catalogue, Language, load_sentences


def blanks(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def test_both_languages_have_the_same_sentences() -> None:
    assert sorted(load_sentences("zh")) == sorted(load_sentences("en"))


def test_a_sentence_has_the_same_blanks_in_both_languages() -> None:
    chinese, english = load_sentences("zh"), load_sentences("en")

    assert {key: blanks(sentence) for key, sentence in english.items()} == {
        key: blanks(sentence) for key, sentence in chinese.items()
    }


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_sentence_is_empty(language: Language) -> None:
    assert [] == [key for key, sentence in load_sentences(language).items() if not sentence.strip()]


def test_braces_in_what_is_filled_in_are_only_text() -> None:
    assert "扫码得到的内容：{0} {x.y}" in Catalogue("zh").text("kind.scanned", result="{0} {x.y}")


def test_an_unknown_sentence_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Catalogue("en").text("no.such")


NOUNS = "answers|characters|checks|chains|conversations|days|documents|files|messages|minutes|pages|rows|seconds|tokens"


@pytest.mark.parametrize(("count", "said"), [(1, "1 row in a.csv"), (2, "2 rows in a.csv"), (0, "0 rows in a.csv")])
def test_what_is_counted_is_singular_where_it_is_one(count: int, said: str) -> None:
    assert said == Catalogue("en").text("shell.usage_rows", count=count, file="a.csv")


def test_no_english_sentence_counts_in_the_plural_alone() -> None:
    # A name may stand before a verb: "{host} answers".
    counted = re.compile(rf"(?<!{{)(?!{{(?:base|host|model|revision)}}){{\w+}} (?:{NOUNS})\b")
    assert [] == [key for key, said in load_sentences("en").items() if counted.search(said)]


def test_no_chinese_sentence_quotes_as_python_does() -> None:
    assert [] == [key for key, said in load_sentences("zh").items() if "!r}" in said]
