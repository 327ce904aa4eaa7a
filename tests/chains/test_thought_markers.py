"""Every way in which models mark thoughts, calls of tools and ends of turns, where no server has parted them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.models.parsing.reasoning import split_reasoning
from chains.models.response import ModelResponse
from tests.processor_time import costs_less_than

MARKERS = (
    *("<think>", "</think>", "<reason>", "</reason>", "[THINK]", "[/THINK]", "◁think▷", "◁/think▷", "<|channel|>"),
    *("analysis", "final", "<|message|>", "<|end|>", "<|start|>assistant", "<tool_call>", "</tool_call>", "{}", "`"),
    *(
        "<function=f>",
        "</function>",
        "[TOOL_CALLS]",
        "<|im_end|>",
        "</s>",
        "```",
        "\n```\n",
        "\n\n",
        "a",
        "。",
        " ",
        "<",
    ),
    *("~~~\n", "<answer>", "</answer>", "[BEGIN FINAL RESPONSE]", "<unused94>thought\n", "<unused95>", "|>", "<|"),
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<think>```\n</think>\n```S</think>ok", "ok"),
        ("在模型输出里，</think> 这个标签表示思考结束。", "在模型输出里，</think> 这个标签表示思考结束。"),
        ("Use the </think> tag here.", "Use the </think> tag here."),
        ("hm\n</think>\n\nParis", "Paris"),
        ("hm.</think>\nParis", "Paris"),
        ("hm </think>\n\nParis", "Paris"),
        ("好的，开始。</think>巴黎", "巴黎"),
        ("<|channel|>analysis<|message|>S<|end|><|start|>assistant<|channel|>final<|message|>ok<|return|>", "ok"),
        ("<|channel|>analysis<|message|>S", ""),
        ("S we think<|end|><|start|>assistant<|channel|>final<|message|>ok", "ok"),
        (
            "<|channel|>analysis<|message|>S<|end|><|start|>assistant to=f.g<|channel|>commentary<|message|>{}<|call|>",
            "",
        ),
        ('<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a":1}<|call|>', ""),
        ('<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a":1}<|call|>', ""),
        ("analysisWe need SassistantfinalParis.", "Paris."),
        ("[THINK]S[/THINK]ok", "ok"),
        ("◁think▷S◁/think▷ok", "ok"),
        ("<|START_THINKING|>S<|END_THINKING|><|START_RESPONSE|>ok<|END_RESPONSE|>", "ok"),
        ("<|begin_of_thought|>S<|end_of_thought|>\n\n<|begin_of_solution|>ok<|end_of_solution|>", "ok"),
        ("<unused94>thought\nS<unused95>ok", "ok"),
        ("<|channel>thought\nS<channel|>ok", "ok"),
        ("[unused16]S[unused17]ok", "ok"),
        ("<seed:think>S</seed:think>ok", "ok"),
        ("S</seed:think>ok", "ok"),
        ("<reasoning>S</reasoning>ok", "ok"),
        ("<reason>S</reason>ok", "ok"),
        ("<thinking>S<reflection>T</reflection></thinking><output>ok</output>", "ok"),
        ("<reflection>S</reflection>ok", "ok"),
        ("<item><reason>bad</reason></item>", "<item><reason>bad</reason></item>"),
        ("<think>S</think><answer>ok</answer>", "ok"),
        ("<|inner_prefix|>S<|inner_suffix|>ok", "ok"),
        ("<|think:start|>S<|think:end|>ok", "ok"),
        ("Here is my thought process:\nS\nHere is my response:\nok", "ok"),
        ("S steps\n[BEGIN FINAL RESPONSE]\nok\n[END FINAL RESPONSE]", "ok"),
        ("ok<|im_end|>", "ok"),
        ("ok</s>", "ok"),
        ("ok<|eot_id|>\n<|end|>", "ok"),
        ("ok<｜end▁of▁sentence｜>", "ok"),
        ("ok[|endofturn|]", "ok"),
        ("ok<end_of_turn>\n", "ok"),
        ('ok\n<tool_call>\n{"name":"f"}\n</tool_call>', "ok"),
        ('<tool_call>{"name":"f"}', ""),
        ('<function=f>{"a":1}</function>', ""),
        ('ok <|tool_call|>[{"name":1}]', "ok"),
        ('[TOOL_CALLS][{"name":"f"}]', ""),
        ('[TOOL_CALLS]f{"a":1}', ""),
        ("<tool_call><function=f><parameter=a>1</parameter></function></tool_call>ok", "ok"),
        (
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>",
            "",
        ),
        ("<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>", ""),
        (
            "The `<tool_call>` tag, or <tool_call> as such, is XML.",
            "The `<tool_call>` tag, or <tool_call> as such, is XML.",
        ),
        ("```xml\n<tool_call>{}</tool_call>\n```", "```xml\n<tool_call>{}</tool_call>\n```"),
        ("<|python_tag|>f.call(x=1)", ""),
        ("the token `<|im_end|>` ends", "the token `<|im_end|>` ends"),
        ("Here is my thought process:\nx\nHere is my response:\ny", "y"),
        ("<think>x</think>答案是 <|begin_of_box|>42<|end_of_box|>。", "答案是 42。"),
        ("<|begin_of_box|>42<|end_of_box|>", "42"),
        ("Here is my thought process: I walk.", "Here is my thought process: I walk."),
        ("a[1] < b[2]", "a[1] < b[2]"),
        ("[THINK] is a tag", ""),
        ("<|thinking|>S<|/thinking|>ok", "ok"),
        ("<|thought_start|>S<|thought_end|>ok", "ok"),
        ("<|begin_of_reasoning|>S<|end_of_reasoning|>ok", "ok"),
        ("<|reasoning_start|>S<|reasoning_end|>ok", "ok"),
        ("<｜begin▁of▁think｜>S<｜end▁of▁think｜>ok", "ok"),
        ("<|begin_think|>S<|end_think|>ok", "ok"),
        ("<minimax:think>S</minimax:think>ok", "ok"),
        ("<ernie_think>S</ernie_think>ok", "ok"),
        ("＜think＞S＜/think＞ok", "ok"),
        ("[THINKING]S[/THINKING]ok", "ok"),
        ("[REASONING]S[/REASONING]ok", "ok"),
        ("<ctrl94>thought\nS<ctrl95>ok", "ok"),
        ("<|im_start|>think\nS<|im_end|><|im_start|>answer\nok<|im_end|>", "ok"),
        ("<|im_start|>assistant\nok", "ok"),
        ("<|assistant|>\n<think></think>ok", "ok"),
        ("<｜Assistant｜><think>S</think>ok", "ok"),
        ("<|start_header_id|>assistant<|end_header_id|>\n\nok<|eot_id|>", "ok"),
        ("<scratchpad>S</scratchpad>ok", "ok"),
        ("<analysis>S</analysis>\n\nok", "ok"),
        ("<inner_monologue>S</inner_monologue>ok", "ok"),
        ("<chain_of_thought>S</chain_of_thought><answer>ok</answer>", "ok"),
        ("<analysis>all there is</analysis>", "<analysis>all there is</analysis>"),
        ("See <analysis>x</analysis> there.", "See <analysis>x</analysis> there."),
        ("<analysis>cut", ""),
        ("<|tool_call_start|>[f()]<|tool_call_end|>ok", "ok"),
        ('<TOOLCALL>[{"name":"f"}]</TOOLCALL>ok', "ok"),
        ("✿FUNCTION✿: f\n✿ARGS✿: {}", ""),
        ("&lt;think&gt;S&lt;/think&gt;ok", "ok"),
        ("\n&lt;Thinking&gt;\nS\n&lt;/Thinking&gt;\n\nok", "ok"),
        ("&lt;think&gt; is how a thought begins.", "&lt;think&gt; is how a thought begins."),
        ("Write &lt;think&gt;S&lt;/think&gt; so.", "Write &lt;think&gt;S&lt;/think&gt; so."),
        ("&lt;b&gt;bold&lt;/b&gt;", "&lt;b&gt;bold&lt;/b&gt;"),
        ("```thinking\nS\n```\nok", "ok"),
        ("```reasoning\nS\n````\n\nok", "ok"),
        ("~~~think\nS\n```\nT\n~~~\nok", "ok"),
        ("```thinking\nall there is\n```", "```thinking\nall there is\n```"),
        ("```thinking\ncut", "```thinking\ncut"),
        ("So:\n```thinking\nS\n```\nok", "So:\n```thinking\nS\n```\nok"),
        ("```python\nx\n```\nok", "```python\nx\n```\nok"),
        # Nothing in an answer of ReAct's says where its steps end: it is what was said.
        ("Thought: S\nFinal Answer: ok", "Thought: S\nFinal Answer: ok"),
    ],
)
def test_what_is_said_is_known_in_every_family_of_models(text: str, said: str) -> None:
    assert said == split_reasoning(text).content


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("<think>", "</think>"),
        ("<reasoning>", "</reasoning>"),
        ("<reason>", "</reason>"),
        ("<seed:think>", "</seed:think>"),
        ("[THINK]", "[/THINK]"),
        ("◁think▷", "◁/think▷"),
        ("<|START_THINKING|>", "<|END_THINKING|>"),
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
        ("<unused94>thought\n", "<unused95>"),
        ("<|channel>thought\n", "<channel|>"),
        ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
        ("<|thought_start|>", "<|thought_end|>"),
        ("＜think＞", "＜/think＞"),
        ("<scratchpad>", "</scratchpad>"),
        ("<ctrl94>", "<ctrl95>"),
        ("[REASONING]", "[/REASONING]"),
        ("&lt;think&gt;", "&lt;/think&gt;"),
        ("```thinking\n", "\n```\n"),
        ("~~~~ reasoning\n", "\n~~~~\n"),
        ("<tool_call>{", "}</tool_call>"),
        ("<|tool_call_begin|>", "<|tool_call_end|>"),
    ],
)
def test_no_draft_shows_a_thought_or_a_piece_of_a_marker(begin: str, end: str) -> None:
    text = f"{begin}SECRET{end}answer<|im_end|>"

    drafts = [split_reasoning(text[:length], whole=False).content for length in range(len(text) + 1)]

    assert [] == [draft for draft in drafts if not "answer".startswith(draft)]
    assert "answer" == drafts[-1]


@given(pieces=st.lists(st.sampled_from(MARKERS), max_size=30))
def test_no_mixture_of_markers_breaks_it_or_makes_words(pieces: list[str]) -> None:
    text = "".join(pieces)

    split_reasoning(text, whole=False)

    assert len(split_reasoning(text).content) <= len(text)


@pytest.mark.parametrize("text", ["\u200b\u200b", "\ufeff", " \n", "\u2060", "<think>hm</think>\u200b"])
def test_an_answer_of_nothing_visible_is_an_empty_answer(text: str) -> None:
    assert "" == ModelResponse(text).parsed(whole=True).content


def test_tags_that_are_words_after_the_first_word_cost_no_more_than_the_text_is_long() -> None:
    text = "x" + "<reason>" * 20_000

    assert text == split_reasoning(text).content
    assert costs_less_than(1.0, lambda: split_reasoning(text))


@pytest.mark.parametrize(
    "text",
    [
        "&lt;think&gt;" * 20_000,
        "```thinking\n" + "```` \t" * 20_000,
        "```thinking\n" + "```x\n" * 40_000,
        "~~~think\n" + "~" * 200_000,
        " " * 200_000 + "```thinking",
    ],
)
def test_thoughts_as_in_pages_are_looked_for_in_linear_time(text: str) -> None:
    assert costs_less_than(0.25, lambda: [split_reasoning(text), split_reasoning(text, whole=False)])
