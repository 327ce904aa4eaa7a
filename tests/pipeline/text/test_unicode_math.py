"""Formulas in Unicode, whole or not at all."""

import pytest

from adapters.wecom.rendering.render import render
from pipeline.replies import TextPart, TextReply
from pipeline.text.unicode_math import unicode_formula, unicode_formula_lines


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (r"3\times 10^5", "3×10⁵"),
        (r"\approx 3 \times 10^{5}", "≈ 3×10⁵"),
        ("x^2", "x²"),
        (r"x^{n+1}", "xⁿ⁺¹"),
        (r"10^{-3}", "10⁻³"),
        ("H_2O", "H₂O"),
        ("a_{ij}", "aᵢⱼ"),
        ("k_B T", "k_B T"),
        (r"e^{i\pi}+1=0", "e^(iπ)+1 = 0"),
        (r"\sqrt{x}", "√x"),
        (r"\sqrt{b^2-4ac}", "√(b²-4ac)"),
        (r"\sqrt[3]{8}", "³√8"),
        (r"\Delta", "Δ"),
        (r"\frac{a}{b}", "a/b"),
        (r"\frac12", "1/2"),
        (r"\frac{a+b}{2a}", "(a+b)/(2a)"),
        (r"P(A \mid B)", "P(A ∣ B)"),
        (r"\frac{1}{2}mv^2", "(1/2)mv²"),
        (r"2\frac{1}{3}", "2(1/3)"),
        (r"\frac{a}{b}^2", "(a/b)²"),
        (r"\left(\frac{1}{2}\right)^n", "(1/2)ⁿ"),
        (r"\frac{\frac{a}{b}}{c}", "(a/b)/c"),
        (r"x = \frac{-b \pm \sqrt{b^2 - 4ac}}{2a}", "x = (-b ± √(b² - 4ac))/(2a)"),
        (r"\sin^2\theta + \cos^2 \theta = 1", "sin²θ + cos² θ = 1"),
        (r"O(n \log n)", "O(n log n)"),
        (r"\log_2 n", "log₂ n"),
        (r"\int_0^1 f(x)\,dx", "∫₀¹ f(x) dx"),
        (r"\sum_{i=1}^n i", "∑ᵢ₌₁ⁿ i"),
        (r"P(A|B) = \frac{P(A \cap B)}{P(B)}", "P(A|B) = P(A ∩ B)/P(B)"),
        (r"\text{速度} = 5\,\text{m/s}", "速度 = 5 m/s"),
        (r"\{1, 2\} \subseteq \mathbb{N}", "{1, 2} ⊆ ℕ"),
        (r"\vec{v}", "v\u20d7"),
        (r"25\%", "25%"),
        (r"90^\circ", "90°"),
        (r"\foo", None),
        (r"\frac{a}", None),
        ("a^", None),
        ("{" * 30 + "}" * 30, None),
        (r"\begin{cases} 1 \end{cases}", None),
        (r"\overline{abc}", None),
        ("5元和", None),
        ("x" * 601, None),
    ],
)
def test_a_formula_is_written_in_unicode_or_left_alone(source: str, expected: str | None) -> None:
    assert expected == unicode_formula(source)


def test_aligned_lines_stay_lines() -> None:
    source = "\\begin{aligned}\nx_1 &= \\frac{3 + 1}{2} \\\\\nx_2 &= 1\n\\end{aligned}"

    assert "x₁ = (3 + 1)/2\nx₂ = 1" == unicode_formula_lines(source)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("大约 $\\approx 3\\times10^5$ 米", "大约 ≈ 3×10⁵ 米"),
        ("当 \\(a \\neq 0\\) 时", "当 a ≠ 0 时"),
        ("$x$、$f(x)$ 与 $a=1$", "x、f(x) 与 a = 1"),
        ("行列式是 $-2$，温差 $+3.5$ 度，花了 $5 和 $-3 块", "行列式是 -2，温差 +3.5 度，花了 $5 和 $-3 块"),
        ("$$\nE = mc^2\n$$", "E = mc²"),
        ("\\begin{align*}\na &= b \\\\\nc &= d\n\\end{align*}", "a = b\nc = d"),
        ("$\\begin{cases}1\\end{cases}$", "$\\begin{cases}1\\end{cases}$"),
        ("**H<sub>2</sub>O** 与 x<SUP>n+1</SUP>", "**H₂O** 与 xⁿ⁺¹"),
        ("a<sub>水</sub> <sup>2</sub> `H<sub>2</sub>O`", "a<sub>水</sub> <sup>2</sub> `H<sub>2</sub>O`"),
        ("价格是 $5，不是 $10。", "价格是 $5，不是 $10。"),
        ("从 $5 到 $10", "从 $5 到 $10"),
        ("US$5_000-US$6_000", "US$5_000-US$6_000"),
        ("$10_000$", "$10_000$"),
        ("$5*2到$6*2", "$5*2到$6*2"),
        ("$HOME/$USER", "$HOME/$USER"),
        ("$PATH$ 和 $a$b", "$PATH$ 和 $a$b"),
        ("$i=0; $i<10", "$i=0; $i<10"),
        ("`$x^2$`", "`$x^2$`"),
        ("```sh\necho $x_1$ $y^2$\n```", "```sh\necho $x_1$ $y^2$\n```"),
        ("约 $20 与 $30 之间的 $x_1$", "约 $20 与 $30 之间的 x₁"),
    ],
)
def test_the_chat_shows_formulas_and_leaves_money_and_code_alone(text: str, expected: str) -> None:
    (part,) = render([TextReply(text)], message_format="markdown", max_pieces=1)

    assert TextPart(expected, "markdown") == part
