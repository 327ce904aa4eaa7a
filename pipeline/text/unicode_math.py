r"""Writes a LaTeX formula in Unicode where all of it has such a form: `3 \times 10^5` is 3×10⁵, `\frac{a}{2b}` a/(2b).

A formula is converted as a whole or not at all: half of one would be worse than its source.
"""

import re

_LONGEST = 600
_DEEPEST = 8

_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|[{}^_]|\s+|.", re.DOTALL)


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


_SYMBOLS = _pairs(
    """
    alpha α beta β gamma γ delta δ epsilon ε varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ
    lambda λ mu μ nu ν xi ξ pi π varpi ϖ rho ρ sigma σ varsigma ς tau τ upsilon υ phi φ varphi φ chi χ
    psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω infty ∞
    partial ∂ nabla ∇ ell ℓ hbar ℏ Re ℜ Im ℑ aleph ℵ emptyset ∅ varnothing ∅ forall ∀ exists ∃ nexists ∄
    neg ¬ lnot ¬ angle ∠ triangle △ degree ° circ ∘ bullet • cdots ⋯ ldots … dots … vdots ⋮ prime ′
    dagger † star ⋆ ast ∗ sum ∑ prod ∏ int ∫ iint ∬ oint ∮ lbrace { rbrace } langle ⟨ rangle ⟩ lfloor ⌊
    rfloor ⌋ lceil ⌈ rceil ⌉ vert | Vert ‖ top ⊤ bot ⊥ square □ checkmark ✓ therefore ∴ because ∵
    """
)
_TIGHT = {"times": "×", "div": "÷", "cdot": "·", "backslash": "\\", "colon": ":"}
_SPACED = _pairs(
    """
    pm ± mp ∓ le ≤ leq ≤ leqslant ≤ ge ≥ geq ≥ geqslant ≥ ne ≠ neq ≠ approx ≈ equiv ≡ sim ∼ simeq ≃ cong ≅
    mid ∣ propto ∝ ll ≪ gg ≫ in ∈ notin ∉ ni ∋ subset ⊂ supset ⊃ subseteq ⊆ supseteq ⊇ cup ∪ cap ∩ setminus ∖
    wedge ∧ land ∧ vee ∨ lor ∨ oplus ⊕ otimes ⊗ perp ⊥ parallel ∥ to → rightarrow → leftarrow ←
    leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ Leftrightarrow ⇔ implies ⇒ iff ⇔ mapsto ↦ longrightarrow →
    Longrightarrow ⇒ uparrow ↑ downarrow ↓ gets ←
    """
)
_PLAIN = {"~": " ", "=": " = ", "<": " < ", ">": " > ", "'": "′"}
_FUNCTIONS = frozenset(
    """
    sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp lim max min sup inf det
    dim ker gcd arg Pr deg mod limsup liminf
    """.split()  # noqa: SIM905 (a word a line would be a page)
)
_SPACES = {",": " ", ";": " ", ":": " ", " ": " ", "!": "", "quad": "  ", "qquad": "  "}
_LITERAL = frozenset("{}%$#_&|")
_WORDS = frozenset(("text", "textbf", "textit", "textrm", "mathrm", "operatorname", "operatorname*", "mbox"))
_STYLES = frozenset(("mathbf", "boldsymbol", "mathit", "mathcal", "mathsf", "bm", "mathscr", "boxed", "mathbb"))
_NOTHING = frozenset(
    """
    left right big Big bigg Bigg bigl bigr Bigl Bigr displaystyle textstyle
    limits nolimits nonumber notag
    """.split()  # noqa: SIM905 (as above)
)
_FRACTIONS = frozenset(("frac", "dfrac", "tfrac", "cfrac"))
_ACCENTS = {
    "vec": "\u20d7",
    "hat": "\u0302",
    "bar": "\u0304",
    "overline": "\u0304",
    "dot": "\u0307",
    "ddot": "\u0308",
    "tilde": "\u0303",
}
_DOUBLE = dict(zip("RNZQCPEF", "ℝℕℤℚℂℙ𝔼𝔽", strict=True))
_RAISED = dict(
    zip("0123456789+-=()niabcdefghjklmoprstuvwxyz′∘°T", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵃᵇᶜᵈᵉᶠᵍʰʲᵏˡᵐᵒᵖʳˢᵗᵘᵛʷˣʸᶻ′°°ᵀ", strict=True)
)
_LOWERED = dict(zip("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))

_ATOM = re.compile(r"(?:\d+(?:\.\d+)?|\w|[^\W\d_]['′]*)[⁰¹²³⁴-⁹ⁱ⁺-ⁿ₀-₎ₐ-ₜᵢ-ᵥᵃ-ᶻ]*|√\w|Δ\w|\w+\([^()]*\)|\([^()]*\)")
_FACTORS = re.compile(r"[\w.′⁰-₎ₐ-ₜ√]+|\([^()]*\)")
_ALIGNED = re.compile(r"\\begin\{(aligned|align\*?|gathered|gather\*?|split|equation\*?)\}(.*)\\end\{\1\}", re.DOTALL)
_CJK = re.compile(r"[\u2e80-\u9fff\uac00-\ud7ff\uff00-\uffef]")


_BEGINS = tuple("√|∑∫")
_SCRIPTS = frozenset((*_RAISED.values(), *_LOWERED.values()))


class _NoUnicodeForm(Exception):
    """Something in the formula has no Unicode form."""


def unicode_formula(source: str) -> str | None:
    """Return a formula, given without its delimiters, as a line of Unicode; None where part of it has no such form."""
    if len(source) > _LONGEST:
        return None
    try:
        return _Reader(source).whole()
    except _NoUnicodeForm:
        return None


def unicode_script(kind: str, text: str) -> str | None:
    """Return what stands in HTML's `<sub>` or `<sup>` in Unicode, None where a character has no such form."""
    return _mapped(text, _LOWERED if kind.lower() == "sub" else _RAISED)


def unicode_formula_lines(source: str) -> str | None:
    r"""Return a formula of its own, whose lines end in `\\`, as lines of Unicode; None where it has no such form."""
    found = _ALIGNED.fullmatch(source.strip())
    rows = (found[2].replace("&", " ") if found else source).split(r"\\")
    lines = [unicode_formula(" ".join(row.split())) for row in rows if row.strip()]
    return None if not lines or None in lines else "\n".join(line for line in lines if line)


class _Reader:
    """Reads the tokens of one formula."""

    def __init__(self, source: str) -> None:
        self._tokens = [found[0] for found in _TOKEN.finditer(source)]
        self._place = 0

    def whole(self) -> str:
        """Read to the end."""
        text = self._sequence(0, closed=False)
        return re.sub(r" {2,}", " ", text).strip()

    def _sequence(self, depth: int, *, closed: bool) -> str:
        if depth > _DEEPEST:
            raise _NoUnicodeForm
        parts: list[str] = []
        while self._place < len(self._tokens):
            if self._tokens[self._place] == "}":
                if not closed:
                    raise _NoUnicodeForm
                self._place += 1
                return _joined(parts)
            parts.append(self._atom(parts, depth))
        if closed:
            raise _NoUnicodeForm
        return _joined(parts)

    def _atom(self, before: list[str], depth: int) -> str:
        sign = self._tokens[self._place]
        self._place += 1
        if sign.isspace():
            # TeX shows none; kept where the writer set it.
            return " "
        if sign in "^_":
            return self._script(sign, before, depth)
        if sign == "{":
            return self._sequence(depth + 1, closed=True)
        if sign.startswith("\\") and len(sign) > 1:
            return self._command(sign[1:], depth)
        if sign in "&#\\$%" or _CJK.match(sign):
            raise _NoUnicodeForm
        return _PLAIN.get(sign, sign)

    def _command(self, name: str, depth: int) -> str:  # noqa: PLR0911, PLR0912 (a table of cases)
        if name in _NOTHING:
            if self._peek() == "." and name in {"left", "right"}:
                self._place += 1
            return ""
        if name in _SPACES:
            return _SPACES[name]
        if name in _LITERAL:
            return "‖" if name == "|" else name
        for table, form in ((_SYMBOLS, "{}"), (_TIGHT, "\0{}\0"), (_SPACED, " {} ")):
            if name in table:
                self._skip_name_end()
                return form.format(table[name])
        if name in _FUNCTIONS:
            return f"\1{name}\1"
        if name in _WORDS:
            return self._raw()
        if name in _STYLES:
            inner = self._argument(depth)
            return _DOUBLE.get(inner, inner) if name == "mathbb" else inner
        if name in _ACCENTS:
            inner = self._argument(depth)
            if len(inner) != 1:
                raise _NoUnicodeForm
            return inner + _ACCENTS[name]
        if name in _FRACTIONS:
            return "\2" + _numerator(self._argument(depth)) + "/" + _denominator(self._argument(depth)) + "\2"
        if name == "sqrt":
            return self._root(depth)
        if name in {"pmod", "bmod"}:
            return f" (mod {self._argument(depth)})" if name == "pmod" else " mod "
        if name == "tag":
            return f" ({self._raw()})"
        raise _NoUnicodeForm

    def _root(self, depth: int) -> str:
        index = ""
        if self._peek() == "[":
            end = self._tokens.index("]", self._place) if "]" in self._tokens[self._place :] else -1
            index = _mapped("".join(self._tokens[self._place + 1 : end]), _RAISED) or "" if end > 0 else ""
            if not index:
                raise _NoUnicodeForm
            self._place = end + 1
        inner = _clean(self._argument(depth))
        return f"{index}√{inner if _ATOM.fullmatch(inner) else _bracketed(inner)}"

    def _script(self, sign: str, before: list[str], depth: int) -> str:
        inner = re.sub(r"\s+", "", _clean(self._argument(depth)))
        if not inner:
            raise _NoUnicodeForm
        if before and before[-1].startswith("\2"):
            before[-1] = f"({_clean(before[-1])})"
        mapped = _mapped(inner, _RAISED if sign == "^" else _LOWERED)
        if mapped is not None:
            return mapped
        return f"{sign}{inner}" if len(inner) == 1 else f"{sign}{_bracketed(inner)}"

    def _argument(self, depth: int) -> str:
        self._skip_space()
        if self._place >= len(self._tokens) or self._tokens[self._place] in "}^_":
            raise _NoUnicodeForm
        if self._tokens[self._place] == "{":
            self._place += 1
            return self._sequence(depth + 1, closed=True).strip()
        return _joined([self._atom([], depth + 1)]).strip()

    def _raw(self) -> str:
        r"""Return the words of `\\text{…}` as they stand."""
        self._skip_space()
        if self._peek() != "{":
            raise _NoUnicodeForm
        if "}" not in self._tokens[self._place :]:
            raise _NoUnicodeForm
        end = self._tokens.index("}", self._place)
        words = self._tokens[self._place + 1 : end]
        self._place = end + 1
        if any(sign == "{" or (sign.startswith("\\") and sign[1:] not in _LITERAL) for sign in words):
            raise _NoUnicodeForm
        return "".join(sign.removeprefix("\\") for sign in words)

    def _peek(self) -> str:
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def _skip_name_end(self) -> None:
        """Skip the space that only ends a command's name; one before an operator is the writer's."""
        if self._peek().isspace() and self._tokens[self._place + 1 : self._place + 2] not in (["+"], ["-"]):
            self._place += 1

    def _skip_space(self) -> None:
        while self._place < len(self._tokens) and self._tokens[self._place].isspace():
            self._place += 1


def _joined(parts: list[str]) -> str:
    r"""Join what was read: \0 takes spaces away, \1 sets a function's name apart from letters, \2 holds a fraction."""
    text = re.sub(r"\s*\0\s*", "", "".join(_apart(parts)))
    pieces = text.split("\1")
    done = pieces[0]
    for name, behind in zip(pieces[1::2], pieces[2::2], strict=True):
        rest = behind.lstrip()
        space_before = done[-1:].isalnum() or done[-1:] == ")"
        space_behind = (rest[:1].isalnum() and rest[:1] not in _SCRIPTS) or rest[:1] in _BEGINS
        done = (done.rstrip() + " " if done.strip() and space_before else done) + name
        done += (" " if rest and space_behind else behind[: len(behind) - len(rest)] if rest else "") + rest
    return done


def _apart(parts: list[str]) -> list[str]:
    """Bracket a fraction that touches another factor: 2(1/2), (a/b)x."""
    done = list(parts)
    for place, part in enumerate(parts):
        if not part.startswith("\2"):
            continue
        written = "".join(parts[:place])
        before = written[-1:] if written.rstrip()[-1:] in tuple(")]}") else written.rstrip()[-1:]
        behind = next((each for each in parts[place + 1 :] if each.strip()), "").lstrip()[:1]
        touches = before.isalnum() or before in tuple(")]}") or behind.isalnum() or behind in tuple("([√\1")
        done[place] = f"({_clean(part)})" if touches else _clean(part)
    return done


def _clean(text: str) -> str:
    return text.replace("\2", "").strip()


def _numerator(text: str) -> str:
    text = _clean(text)
    return text if _ATOM.fullmatch(text) or _FACTORS.fullmatch(text) else _bracketed(text)


def _denominator(text: str) -> str:
    text = _clean(text)
    return text if _ATOM.fullmatch(text) else _bracketed(text)


def _bracketed(text: str) -> str:
    return f"({text})"


def _mapped(text: str, table: dict[str, str]) -> str | None:
    return "".join(table[letter] for letter in text) if all(letter in table for letter in text) else None
