"""What was stored of a sentence is read again as that sentence, whatever stands in its blanks, old forms too."""

import string

import pytest

from pipeline.text.i18n import Catalogue, Sentence, in_language, load_sentences
from pipeline.text.stored_sentences import stored_in_language, stored_sentence

CHINESE = Catalogue("zh")
STORED = ("reason", "wecom", "cause", "database")


def example(key: str) -> Sentence:
    """Return a sentence with something in each of its blanks."""
    names = [name for _, name, _, _ in string.Formatter().parse(load_sentences("en")[key]) if name]
    filled = {
        name: place + 3 if name in {"count", "seconds", "attempts"} else f"X{place}" for place, name in enumerate(names)
    }
    return Sentence(key, **filled)


def is_said_alone(key: str) -> bool:
    """Whether a sentence has words of its own, so that it can be known by them."""
    fixed = "".join(text for text, _, _, _ in string.Formatter().parse(load_sentences("en")[key]))
    return sum(map(str.isalpha, fixed)) > 6


def test_every_sentence_that_is_stored_is_read_in_chinese() -> None:
    stored = [key for key in load_sentences("en") if key.partition(".")[0] in STORED and is_said_alone(key)]
    english, chinese = Catalogue("en"), Catalogue("zh")
    read = {
        key: (stored_in_language(str(example(key)), chinese), stored_in_language(str(example(key)), english))
        for key in stored
    }

    assert {key: (in_language(example(key), chinese), str(example(key))) for key in stored} == read


@pytest.mark.parametrize(
    ("stored", "chinese"),
    [
        pytest.param("no answer within 120 s", "120 秒内没有答完", id="a limit as it was stored before"),
        pytest.param(
            "no answer within 60 s: waited for a limit of the settings",
            "60 秒内没有答完：在等设置中的每分钟限额",
            id="the longer of two that begin alike",
        ),
        pytest.param("begun 3 times and never ended", "开始处理了 3 次，每次都没有处理完", id="a count"),
        pytest.param("begun 1 time and never ended", "开始处理了 1 次，每次都没有处理完", id="a count of one"),
        pytest.param(
            "ValueError while answering", "回答时 webot 出错（ValueError）", id="a class as it was stored before"
        ),
        pytest.param("no channel 'wecom' in the settings", "设置中没有渠道“wecom”", id="a name in quotes"),
        pytest.param(
            "[models.default]: the model service did not answer in time (HTTP 504)",
            "[models.default]：模型服务没有及时回应（HTTP 504）",
            id="a sentence within a sentence within a sentence",
        ),
        pytest.param(
            "[models.qwen]: APITimeoutError: Request timed out.",
            "[models.qwen]：提问失败（APITimeoutError: Request timed out.）",
            id="a model's failure as it was stored before",
        ),
        pytest.param(
            "[models.default]: RuntimeError", "[models.default]：提问失败（RuntimeError）", id="a class alone"
        ),
        pytest.param("c0ffee12 refused", "c0ffee12 未被接受", id="the note of a release that was undone"),
        pytest.param("rollback to c0ffee12", "恢复到 c0ffee12", id="the note of a release that was taken back"),
        pytest.param(
            "jobs: does not run; turns: it was cancelled, 2 times",
            "jobs：没有在运行；turns：被取消了 2 次",
            id="a list",
        ),
    ],
)
def test_what_was_stored_is_read_in_chinese(stored: str, chinese: str) -> None:
    assert chinese == stored_in_language(stored, CHINESE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kinder",
        "上周五改的",
        "a: b",
        "this and that",
        "{0} {x.y}",
        "x" * 5000,
        "why: because (of this)",
        "\n",
        "see #12; it is urgent",
    ],
)
def test_what_is_no_sentence_stays_as_it_is(text: str) -> None:
    assert text is stored_sentence(text)
    assert text == stored_in_language(text, CHINESE)


def test_a_sentence_is_not_read_again_from_its_text() -> None:
    facts = "HTTP 404, code 'an_error': Not Found; base_url: is 'x'; most services' address is 'x/v1'"
    said = Sentence("cause.model_facts", sentence=Sentence("cause.model_missing"), facts=facts)

    assert f"模型服务没有这个模型或地址（{facts}）" == stored_in_language(said, Catalogue("zh"))
