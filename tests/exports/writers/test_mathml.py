"""Formulas: set where they are understood wholly, and as they were written otherwise."""

import pytest
import typst

from exports.pdf.typst_math import typst_math
from exports.writers.mathml import math_of
from tests.processor_time import costs_less_than

UNDERSTOOD = [
    r"r = \frac{x_t - x_{t-1}}{x_{t-1}}",
    r"\hat{x}_t = x_t \cdot \left(1 + \sum_{i=1}^{4} \alpha_i s_{t-i}\right)",
    r"A = \begin{pmatrix} a & b \\ c & d \end{pmatrix} + \begin{bmatrix} 1 \\ 2 \end{bmatrix}",
    r"f(x)=\begin{cases} x^2, & x>0 \\ 0, & \text{其他}\end{cases}",
    r"\begin{aligned} a &= b \\ &= c \end{aligned}",
    r"\begin{gathered} a \\ b \end{gathered}",
    r"a = 1 \\ b = 2",
    r"\text{净利率} = \frac{\text{净利润}}{\text{收入}} \times 100\%",
    r"\int_{-\infty}^{\infty} e^{-x^2} \, dx = \sqrt{\pi}, \sqrt[3]{x}",
    r"\lim_{n\to\infty} \left(1+\frac1n\right)^n = e, \max_i x_i, \arg\max_x f",
    r"\overline{AB}, \underbrace{x+y}_{z}, \vec{x}, \dot{y}, \tilde{w}, \bar{z}",
    r"\mathbf{A}, \mathbb{R}, \mathcal{L}, \mathrm{Var}(X), \operatorname{softmax}(x_i)",
    r"P(A \mid B) \ne \binom{n}{k} \not= \boxed{x}",
    r"\left\{ x \mid x > 0 \right\}, \left. \frac{d}{dx} \right|_0",
    r"E = mc^2 \tag{1}",
    "a < b, \"x\", 50% 'y'",
]
NOT_UNDERSTOOD = [
    "",
    r"\foo{x}",
    r"\frac{a",
    r"x_1_2",
    r"\newcommand{\x}{\x\x}\x",
    r"\href{javascript:alert(1)}{x}",
    r"a & b",
    r"#read(\"/etc/passwd\")",
    "{" * 900 + "}" * 900,
    "x" * 2001,
    r"\\" * 40,
]


@pytest.mark.parametrize("tex", UNDERSTOOD)
def test_a_formula_is_understood(tex: str) -> None:
    found = math_of(tex)

    assert found is not None
    assert "\\" not in found.markup()


@pytest.mark.parametrize("tex", NOT_UNDERSTOOD)
def test_what_is_not_understood_wholly_is_not_set(tex: str) -> None:
    assert math_of(tex) is None


def test_typst_takes_every_formula_that_is_understood() -> None:
    found = [math_of(tex) for tex in UNDERSTOOD]
    source = "\n\n".join(f"$ {typst_math(each)} $ in a line ${typst_math(each)}$" for each in found if each)

    assert isinstance(typst.compile(source.encode(), ignore_system_fonts=True), bytes)


@pytest.mark.parametrize(
    "tex",
    [
        r"\left(" * 330,
        r"\sqrt{" * 280 + "}" * 280,
        "x'" * 990,
        r"\begin{matrix}" + "&" * 1900 + r"\end{matrix}",
        "_" * 2000,
    ],
)
def test_no_formula_takes_long(tex: str) -> None:
    assert costs_less_than(1, lambda: math_of(tex))
