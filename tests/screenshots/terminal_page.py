"""Draws what a terminal shows as a page for the browser: the colours of the shell, nothing else of it."""

import re
from html import escape

_COLOURS = {"31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "90": "#8b949e", "1": "#ffffff"}
_CODE = re.compile(r"\x1b\[(\d*)(?:;\d+)*m")

_FONTS = '"DejaVu Sans Mono", "Noto Sans CJK SC", monospace'

_PAGE = """<!doctype html><meta charset="utf-8"><style>
html {{ background: #0d1117 }}
body {{ margin: 0; padding: 14px 22px 22px; color: #e6edf3; font: 15px/1.65 {fonts} }}
i {{ display: inline-block; width: 11px; height: 11px; border-radius: 50%; margin: 0 7px 12px 0; background: #30363d }}
pre {{ margin: 0; font: inherit; white-space: pre-wrap; overflow-wrap: anywhere }}
b {{ font-weight: inherit }}
u {{ text-decoration: none; background: #e6edf3 }}
</style><i></i><i></i><i></i><pre>{text}</pre>"""


def terminal_page(text: str, *, cursor: bool = False) -> str:
    """Return the HTML of a terminal that shows a text with ANSI colours."""
    return _PAGE.format(fonts=_FONTS, text=_coloured(text) + ("<u> </u>" if cursor else ""))


def _coloured(text: str) -> str:
    made, is_open, place = [], False, 0
    for code in _CODE.finditer(text):
        made.append(escape(text[place : code.start()]))
        place = code.end()
        if is_open:
            made.append("</b>")
        colour = _COLOURS.get(code[1])
        is_open = colour is not None
        if is_open:
            made.append(f'<b style="color:{colour}">')
    return "".join([*made, escape(text[place:]), "</b>" * is_open])
