"""How an answer that is not whole yet is shown: code closed, half a table held back, nothing over the limit."""

import re

from pipeline.text.unicode import is_visible

STREAM_BYTES = 20_000
"""Of an answer in a stream; WeCom takes 20,480 (wecom-protocol.md 8)."""

WAITING = "<think></think>"
"""What the client shows as moving dots."""

_FENCE = re.compile(r" {0,3}(`{3,48}(?!.*`)|~{3,48}(?!~))")


def draft(text: str, notice: str = "") -> str:
    """Return what is shown of an answer so far; the dots while there is nothing to see."""
    shown = escape_thinking(text)
    below = f"\n\n{notice}" if notice else ""
    room = STREAM_BYTES - len(below.encode()) - 64
    data = shown.encode("utf-8", "replace")
    if len(data) > room:
        shown = data[:room].decode(errors="ignore")
        shown = shown[: shown.rfind("\n") + 1] or shown
    shown = _closed(shown) + below
    return shown if is_visible(shown) else WAITING


def escape_thinking(text: str) -> str:
    """Return a text whose own `<think>` the client does not take for its folding block."""
    return re.sub(r"<(?=/?think\b)", "<\u200b", text, flags=re.IGNORECASE)


def _closed(text: str) -> str:
    """Close a fence that is still open."""
    fence = ""
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if not fence and found is not None:
            fence = found[1]
        elif fence and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            fence = ""
    return f"{text.rstrip()}\n{fence}" if fence else text
