"""Templates in a chain's words."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.catalog.templates import VARIABLES, Mistake, fill, mistakes, values
from pipeline.text.i18n import Catalogue

BLANKS = values(
    user="alice", channel="wecom", chain="hr", at=datetime(2026, 11, 22, 4, 5, tzinfo=UTC), catalogue=Catalogue("zh")
)


def test_every_variable_that_is_documented_has_a_value() -> None:
    assert set(VARIABLES) == set(BLANKS)
    assert "星期日" == BLANKS["weekday"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param("Hello {{ user }}!", "Hello alice!", id="a variable"),
        pytest.param("{% if channel == 'hr' %}A{% else %}B{% endif %}", "B", id="a condition"),
        pytest.param("{{ 'A' if user in ['bob'] else 'B' }}", None, id="no lists"),
        pytest.param("{{ user | upper }}", "ALICE", id="a filter"),
        pytest.param('{"a": {"b": 1}} { % 100%', '{"a": {"b": 1}} { % 100%', id="JSON is only text"),
        pytest.param("{% if user == 'alice' %}\nA\n{% endif %}\nB\n", "A\nB\n", id="lines of conditions leave none"),
    ],
)
def test_a_template_is_filled(source: str, expected: str | None) -> None:
    if expected is None:
        assert mistakes(source)
    else:
        assert [] == mistakes(source)
        assert expected == fill(source, BLANKS)


@pytest.mark.parametrize(
    "source",
    [
        "{% for x in range(999999999) %}{% endfor %}",
        "{{ ''.__class__ }}",
        "{{ user['x'] }}",
        "{{ user.upper() }}",
        "{{ 'a' * 999999999 }}",
        "{{ 9 ** 999999 }}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% set user = 'x' %}",
        "{% macro a() %}{% endmacro %}",
        "{{ user | pprint }}",
        "{{ [user] }}",
        "{{ user ~ user }}",
        "{% raw %}{{ user }}{% endraw %}{{ nobody }}",
        "{{ self }}",
        "{{ lipsum }}",
    ],
)
def test_a_template_can_neither_reach_nor_run_anything(source: str) -> None:
    assert mistakes(source)


def test_a_mistake_names_its_line() -> None:
    assert [2, 3] == [mistake.line for mistake in mistakes("a\n{{ x }}\n{{ y }}")]
    assert 2 == mistakes("a\n{% if %}")[0].line


def test_a_question_has_to_be_in_its_template() -> None:
    assert [] == mistakes("{{ text }}", text=True)
    assert [Mistake(1, "needs {{ text }} where the person's own words go")] == mistakes("{{ user }}", text=True)


@pytest.mark.parametrize(
    "source",
    [
        "{% if weekday == 'Friday' %}{{ text }}{% endif %}",
        "{% if weekday == 'Friday' %}{{ text }}{% elif user == 'a' %}{{ text }}{% endif %}",
        "{% if weekday == 'Friday' %}{{ text }}{% elif user == 'a' %}x{% else %}{{ text }}{% endif %}",
        "{% if text == 'x' %}y{% endif %}",
        "{{ text if user == 'a' else user }}",
        "{{ user or text }}",
        "{% if user == 'a' %}{% if user == 'b' %}{{ text }}{% endif %}{% else %}{{ text }}{% endif %}",
    ],
)
def test_a_question_has_to_be_in_every_case_of_its_template(source: str) -> None:
    assert ["says {{ text }} under a condition only"] == [
        mistake.message.partition(":")[0] for mistake in mistakes(source, text=True)
    ]


@pytest.mark.parametrize(
    "source",
    [
        "{% if weekday == 'Friday' %}Friday: {{ text }}{% else %}{{ text }}{% endif %}",
        "{% if text %}{{ text }}{% endif %}",
        "{{ text if user == 'a' else text | upper }}",
        "{% if user == 'a' %}A{% endif %}{{ text | trim }}",
        "{{ user and text }}{{ text or user }}",
    ],
)
def test_a_question_may_be_said_case_by_case(source: str) -> None:
    assert [] == mistakes(source, text=True)


@pytest.mark.parametrize(
    "source",
    [
        "{% if weekday == '星期一' %}{{ user | truncate(0) }}{% endif %}",
        "{% if weekday == '星期一' %}A{% elif user == 'b' %}{{ user > 3 }}{% else %}B{% endif %}",
        "{% if user %}A{% else %}{{ user | truncate('x') }}{% endif %}",
        "{{ 'a' if user == 'b' else (user | truncate(0)) }}",
        "{{ 'a' if weekday == '星期一' }}",
        "{{ user and (user | truncate(0)) }}",
        "{{ user | truncate(9, true, user) }}",
    ],
)
def test_what_cannot_be_filled_in_on_some_days_is_a_mistake(source: str) -> None:
    assert mistakes(source)


_LEAVES = st.sampled_from(["text", "text", "text", "user", "weekday", "'星期日'", "3"])
_EXPRESSIONS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or", "==", "<"]), inner),
        st.builds("({} | {})".format, inner, st.sampled_from(["upper", "trim", "truncate(9)", "truncate(2)"])),
    ),
    max_leaves=5,
)
_TEMPLATES = st.recursive(
    st.builds("{{{{ {} }}}}".format, _EXPRESSIONS),
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, _EXPRESSIONS, inner, inner),
        st.builds("{{% if {} %}}{}{{% elif {} %}}{}{{% endif %}}".format, _EXPRESSIONS, inner, _EXPRESSIONS, inner),
    ),
    max_leaves=4,
)


@given(_TEMPLATES, st.sampled_from(["alice", "a", "w" * 64]), st.sampled_from(["星期日", "Monday"]))
def test_a_template_without_mistakes_says_the_question_to_everybody_every_day(
    source: str, user: str, weekday: str
) -> None:
    assert mistakes(source, text=True) or "§§" in fill(
        source, BLANKS | {"user": user, "weekday": weekday, "text": "§§"}
    )


@given(st.text())
def test_what_a_person_writes_is_never_read_as_a_template(text: str) -> None:
    assert f"<{text}>" == fill("<{{ text }}>", {"text": text})


@pytest.mark.parametrize("text", ["{{ user }}", "{% if %}", "{# a #}", "{{ 7 * 7 }}"])
def test_marks_in_a_persons_words_stay_as_they_are(text: str) -> None:
    assert f"<{text}>" == fill("<{{ text }}>", {"text": text, "user": "alice"})


@given(st.text(alphabet="{}%# \nusertxif'\"|()[].~*0", max_size=40))
def test_any_text_is_filled_or_refused(source: str) -> None:
    if not mistakes(source):
        fill(source, BLANKS)


@pytest.mark.parametrize(
    "source",
    ["{% if weekday > 3 %}x{% endif %}", "{{ user | truncate('x') }}", "{{ user | truncate(2) }}"],
)
def test_what_words_cannot_be_put_to_is_a_mistake(source: str) -> None:
    (mistake,) = mistakes(source)

    assert mistake.message.startswith("cannot be filled in: ")
