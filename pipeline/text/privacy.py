"""Mask what names a person or opens a door: telephone numbers, cards, mail addresses, number plates, passwords, keys.

Each mask keeps the text around it. Time grows with the length of the text alone: every pattern is bounded, and none
begins twice in the same run of characters.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pipeline.text import privacy_checks as checks
from pipeline.text.privacy_text import PlainText

Check = Callable[[re.Match[str]], tuple[int, int] | None]
"""Return which part of a match is to be masked, None for nothing."""

_GAP = r"[ \n\-./·_~]"
_GAPS = rf"{_GAP}{{1,3}}"
_G = rf"{_GAP}{{0,3}}"
_WORD = r"[A-Za-z0-9_]"

# Labels, and what stands between one and its value.
_LOGIN_LABELS = (
    r"密\s?[码碼]|口令|pass\s?word|passwd|passcode|passphrase|(?<![a-z])pwd(?![a-z])|pass?wort|kennwort|mot de passe"
    r"|contrase(?:ñ|n\u0303?)a|palavra-passe|(?<![a-z])senha|m[ậâ]t kh[ẩâ]u|[Пп]ароль"
    r"|パスワード|暗証番号|비밀\s?번호|암호|รหัสผ่าน"
)
_KEY_LABELS = (
    r"(?:api|app|access|auth|client|corp|private|secret|encoding[ _-]?aes|bearer|refresh|session|webhook)"
    r"[ _-]?(?:key|token|secret)(?:[ _-]?(?:id|secret|key))?|(?<![a-z])(?:token|secret|access[ _-]?key)(?![a-z])"
    r"|密钥|秘钥|令牌|私钥"
)
_IS = r"[\"'”’」』`*]{0,3}\s{0,3}(?:[是为]\s{0,3}[:=]|=>|:=|[:=]|是|为|改成|改为|设为|设成|设置为)[ \t]{0,3}"
_QUOTED = r"[\"'“‘「『`](?P<quoted>[^\"'”’」』`\n]{1,128})[\"'”’」』`]"
_BARE = r"(?![:=])(?P<bare>[!-~]{3,128})"
_MIXED = r"(?P<bare>[\w.+/=~-]{8,512})"


@dataclass(frozen=True, slots=True)
class _Kind:
    """What one kind of private data looks like, and what stands for it."""

    mask: str
    pattern: re.Pattern[str]
    check: Check = checks.whole
    overlapping: bool = False
    """Whether the next match may begin within one that the check refused; for bounded patterns alone."""

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        place = 0
        while (found := self.pattern.search(text, place)) is not None:
            span = self.check(found)
            if span is not None:
                yield span
            if span is None:
                place = found.start() + 1 if self.overlapping else found.end()
            else:
                place = max(found.end(), span[1])


def _kind(
    mask: str, pattern: str, check: Check = checks.whole, flags: int = re.ASCII, *, overlapping: bool = False
) -> _Kind:
    return _Kind(mask, re.compile(pattern, flags), check, overlapping)


# In this order: what an earlier kind has masked, no later one sees. Digits, full-width signs, spaces and dashes of all
# scripts are ASCII here already (`PlainText`).
_KINDS: Sequence[_Kind] = (
    _kind("[KEY]", r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----", checks.private_key),
    _kind(
        "[PASSWORD]",
        r"(?<![A-Za-z0-9+.])[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/?#@:]{0,64}:([^\s/?#]{1,128})@",
        checks.first,
    ),
    _kind(
        "[PASSWORD]",
        r"(?<![\w/:.])[\w.+-]{1,32}:([^\s:@/]{3,64})@(?:localhost\b|(?:\d{1,3}\.){3}\d{1,3})",
        checks.first,
    ),
    # By the prefixes their issuers give them.
    _kind(
        "[KEY]",
        r"(?<![A-Za-z0-9])(?:sk-[\w-]{16,512}|[srp]k_(?:live|test)_\w{10,512}|gh[pousr]_\w{20,512}|github_pat_\w{20,512}"
        r"|glpat-[\w-]{16,512}|xox[a-z]-[\w-]{10,512}|hf_\w{20,512}|gsk_\w{20,512}|xai-\w{20,512}|nvapi-[\w-]{20,512}"
        r"|npm_\w{20,512}|pypi-[\w-]{20,512}|A(?:KIA|SIA)[A-Z0-9]{16}|AIza[\w-]{35}|ya29\.[\w-]{20,512}"
        r"|LTAI\w{12,40}|AKID\w{13,60}|AKLT\w{20,60}|SG\.[\w-]{16,64}\.[\w-]{16,64})(?![A-Za-z0-9])",
        checks.has_digit,
    ),
    _kind("[KEY]", r"(?<![\w-])eyJ[\w-]{8,4096}\.[\w-]{8,4096}(?:\.[\w-]{0,4096})?"),
    _kind("[KEY]", r"\b(?:bearer|basic)\s{1,3}([\w.+/=~-]{8,4096})", checks.first_with_digit, re.ASCII | re.IGNORECASE),
    _kind(
        "[KEY]",
        r"[?&](?:[a-z_-]{0,24}(?:key|token|secret|sign|signature|sig|ticket)|password|pwd)=([^&\s#\"'<>]{6,512})",
        checks.first,
        re.ASCII | re.IGNORECASE,
    ),
    _kind(
        "[KEY]",
        rf"(?:{_KEY_LABELS})(?:{_IS}|\s{{1,3}}is\s{{1,3}})(?:{_QUOTED}|{_MIXED})",
        checks.secret,
        re.IGNORECASE | re.ASCII,
    ),
    _kind("[PASSWORD]", rf"(?:{_LOGIN_LABELS}){_IS}(?:{_QUOTED}|{_BARE})", checks.password, re.IGNORECASE | re.ASCII),
    _kind(
        "[PASSWORD]",
        rf"(?:(?:密\s?码|口令|验证码)\s{{0,3}}|验证码{_IS}|(?:{_LOGIN_LABELS})\s{{1,3}}(?:(?:is|was)\s{{1,3}})?){_BARE}",
        checks.strong_password,
        re.IGNORECASE | re.ASCII,
    ),
    _kind("[PASSWORD]", rf"<(?:{_LOGIN_LABELS})>\s{{0,3}}([^<>\s]{{1,128}})\s{{0,3}}</", checks.first, re.IGNORECASE),
    _kind(
        "[EMAIL]",
        r"[A-Za-z0-9_.+%-]{1,64}@(?:(?:[A-Za-z0-9-]{1,63}\.){1,8}(?:[A-Za-z]{2,24}|xn--[A-Za-z0-9-]{1,59})"
        r"|[A-Za-z0-9-]{1,63}(?:[。｡][A-Za-z0-9-]{1,63}){0,7}[。｡][A-Za-z]{2,24})(?![A-Za-z0-9])",
    ),
    _kind(
        "[EMAIL]",
        r"(?:[A-Za-z0-9_.+%-]{1,64}|[\w.+%-]{1,16})@(?:[\w-]{1,63}[.。｡]){1,8}(?:[A-Za-z]{2,24}(?![A-Za-z0-9])|中国|中國|公司|网络|網絡|香港|台湾|台灣"
        r"|在线|中文网|网址|网站|商城|集团|我爱你|政务|公益|移动|手机)",
        flags=0,
    ),
    # Written so that no program reads it, and in the alphabets that do not run on into the next word.
    _kind(
        "[EMAIL]",
        r"(?<![A-Za-z0-9_.+%-])[A-Za-z0-9_.+%-]{1,64}+ ?(?: @ |[\[(] ?(?:at|AT|@) ?[\])]) ?[A-Za-z0-9-]{1,63}"
        r"(?:(?:\.| ?[\[(] ?(?:dot|DOT|\.) ?[\])] ?)[A-Za-z0-9-]{1,63}){0,7}"
        r"(?:\.| ?[\[(] ?(?:dot|DOT|\.) ?[\])] ?)[A-Za-z]{2,24}(?![A-Za-z0-9])",
    ),
    _kind(
        "[EMAIL]",
        r"(?<![\w.+%-])[\w.+%-]{1,64}+@(?:[\w-]{1,63}\.){1,8}[\u0370-\u1fff]{2,24}(?!\w)",
        flags=0,
    ),
    # 统一社会信用代码 (GB 32100-2015), and any number called a tax number.
    _kind(
        "[TAX]",
        r"(?<![A-Za-z0-9])[0-9A-Y]{2}[ -]?(?:\d\d[ -]?){3}(?:[0-9A-Y]{2}[ -]?){4}[0-9A-Y][ -]?[0-9A-Y](?![A-Za-z0-9])",
        checks.tax_number,
        re.IGNORECASE,
        overlapping=True,
    ),
    _kind("[TAX]", rf"(?:税号|纳税人识别号|信用代码){_IS}([A-Za-z0-9]{{15,20}})(?![A-Za-z0-9])", checks.first),
    _kind(
        "[ID]",
        # With the century and the tens of month and day, so that few runs of digits are looked at more closely.
        rf"(?<!\d)\d(?:{_G}\d){{5}}{_G}(?:1{_G}[89]|2{_G}0)(?:{_G}\d){{2}}{_G}[01]{_G}\d{_G}[0-3](?:{_G}\d){{4}}{_G}[\dXx]"
        r"(?![\dA-Za-z])",
        checks.identity,
        overlapping=True,
    ),
    _kind(
        "[ID]",
        rf"(?<!\d)\d{{6}}{_GAP}{{0,3}}\d{{6}}{_GAP}{{0,3}}\d{{3}}(?!\d)",
        checks.older_identity,
        overlapping=True,
    ),
    # Of any digits where it is called one; of Hong Kong and Taiwan.
    _kind(
        "[ID]",
        r"(?:身份[证證]|居民[证證])(?:号码|号|號碼|號)?[\s:=是为]{0,4}(\d(?:[ -]?\d){16}[ -]?[\dXx]|\d(?:[ -]?\d){14})"
        r"(?![\dA-Za-z])",
        checks.first,
    ),
    _kind(
        "[ID]",
        r"(?<![A-Za-z0-9])[A-Z]{1,2} ?\d{6} ?\([0-9A]\)",
        checks.hong_kong_identity,
        re.ASCII | re.IGNORECASE,
    ),
    _kind(
        "[ID]",
        r"(?<![A-Za-z0-9])[A-Z][1289]\d{8}(?![A-Za-z0-9])",
        checks.taiwan_identity,
        re.ASCII | re.IGNORECASE,
    ),
    # IBAN (ISO 13616).
    _kind(
        "[CARD]",
        r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])",
        checks.iban,
        overlapping=True,
    ),
    # Bank cards: in one run, in groups of four, as American Express does, and with one separator throughout.
    _kind("[CARD]", r"(?<!\d)\d{13,19}(?!\d)", checks.card),
    _kind(
        "[CARD]", rf"(?<!\d)\d{{4}}(?:{_GAPS}\d{{4}}){{3}}(?:{_GAPS}\d{{1,3}})?(?!\d)", checks.card, overlapping=True
    ),
    _kind("[CARD]", rf"(?<!\d)\d{{4}}{_GAPS}\d{{6}}{_GAPS}\d{{4,5}}(?!\d)", checks.card, overlapping=True),
    _kind(
        "[CARD]",
        r"(?<!\d)(?<!\d[ \-./·_])\d{1,13}([ \-./·_]{1,2})\d{1,13}(?:\1\d{1,13}){0,17}(?!\d)(?!\1\d)",
        checks.card,
    ),
    _kind(
        "[PHONE]",
        rf"(?<!\d)(?:(?:\+|00)?86\)?{_GAP}{{0,3}})?1[3-9]\d(?:{_GAPS}\d{{4}}{_GAPS}\d{{4}}|[ \n\-]{{1,3}}\d{{8}}"
        rf"|\d[ \n\-]{{1,3}}\d{{3}}[ \n\-]{{1,3}}\d{{4}}|\d{{4}}[ \n\-]{{1,3}}\d{{4}})(?!\d)",
        checks.no_identifier,
        overlapping=True,
    ),
    _kind(
        "[PHONE]", r"(?<!\d)(?:(?:\+|00)?86\)?[ -]{0,3})?(1[3-9](?:[ -]?\d){9})(?!\d)", checks.mobile, overlapping=True
    ),
    _kind(
        "[PHONE]",
        r"(?<![〇零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖])[一幺壹][三四五六七八九叁肆伍陆柒捌玖]"
        r"[〇零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖]{9}(?![〇零一二三四五六七八九幺十壹贰叁肆伍陆柒捌玖])",
    ),
    _kind(
        "[PHONE]",
        rf"(?<!\d)(?<!\d[ -])(?:(?:\(0\d{{2,3}}\){_G}|0\d{{2,3}}{_GAPS})\d{{3,4}}{_G}\d{{4}}"
        r"|(?:010|02\d)[2-8]\d{7}|0[3-9]\d{2}[2-8]\d{6,7})(?!\d)",
        checks.no_identifier,
    ),
    _kind("[PHONE]", rf"(?<![\w+)\]])\+\d{{1,3}}+(?:{_G}\(?\d{{1,5}}+\)?){{1,5}}+(?!\d)", checks.abroad),
    _kind(
        "[PHONE]",
        r"(?<![\d.])(?:1[-. ])?(?:\([2-9]\d{2}\)[-. ]{0,2}|[2-9]\d{2}([-.]))[2-9]\d{2}[-.]\d{4}(?![\d.]\d|\d)",
    ),
    _kind(
        "[PASSPORT]",
        r"(?<![A-Za-z0-9])(?:[EG]\d{8}|E[A-HJ-NP-Z]\d{7}|[DSP]E\d{7})(?![A-Za-z0-9])",
        flags=re.ASCII | re.IGNORECASE,
    ),
    _kind(
        "[PASSPORT]",
        r"(?:护照|護照|通行证|通行證|回乡证|台胞证|居留证|军官证|passport)(?:号码|号|證號|\s?(?:no|number|num|#)\.?)?"
        r"[\s:=是为]{0,4}([A-Za-z]{0,3}[ -]?\d(?:[ -]?\d){4,9}[A-Za-z]?)(?![A-Za-z0-9])",
        checks.first,
        re.ASCII | re.IGNORECASE,
    ),
    _kind(
        "[PLATE]",
        r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-NP-Z][·• .-]?"
        r"([A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳领]|[A-HJ-NP-Z0-9]{6})(?![A-Za-z0-9])",
        checks.plate,
        re.IGNORECASE,
    ),
)


@dataclass(frozen=True)
class Masker:
    """Masks texts; each name of a list wherever it occurs, Latin ones as whole words without regard to case."""

    names: tuple[str, ...] = ()

    def __call__(self, text: str) -> str:
        """Return a text in which a word for its kind stands for each piece of private data and each name."""
        return self._masked(text, (*_KINDS, *self._names))

    def names_in(self, text: str) -> str:
        """Return a text in which the names of the list alone are masked."""
        return self._masked(text, self._names)

    def _masked(self, text: str, kinds: Sequence[_Kind]) -> str:
        plain = PlainText(text)
        for kind in kinds:
            plain.mask(kind.mask, kind.spans(plain.text))
        return plain.masked()

    @cached_property
    def _names(self) -> Sequence[_Kind]:
        # The longest first: 欧阳锋 is not to become [NAME]锋 because 欧阳 is listed too.
        ordered = sorted({PlainText(name).text.strip() for name in self.names} - {""}, key=len, reverse=True)
        return [_kind("[NAME]", _name_pattern(name), flags=re.IGNORECASE) for name in ordered]


def _name_pattern(name: str) -> str:
    """Return the pattern of a name: Latin words however far apart, others also with a space between characters."""
    if name.isascii():
        return r"(?<![A-Za-z])" + r"\s{1,9}".join(map(re.escape, name.split())) + r"(?![A-Za-z])"
    return r" ?".join(re.escape(character) for character in "".join(name.split()))
