"""How an answer that is not whole yet is shown: code closed, half a table held back, nothing over the limit."""

import re

from pipeline.text.unicode import is_visible

STREAM_BYTES = 20_000
"""Of an answer in a stream; WeCom takes 20,480 (wecom-protocol.md 8)."""

WAITING = "<think></think>"
"""What the client shows as moving dots."""

_CONTENT_BYTES = 20_480
_REASONING_BYTES = 6000
"""Of what was thought; what came before is left out."""
_BLOCK = re.compile(r"\A<think>.*?</think>\n\n", re.DOTALL)
_FENCE = re.compile(r" {0,3}(`{3,48}(?!.*`)|~{3,48}(?!~))")


def draft(text: str, notice: str = "", reasoning: str = "") -> str:
    """Return what is shown of an answer so far; the dots while there is nothing to see."""
    block = _thinking_block(reasoning, _REASONING_BYTES)
    shown = escape_thinking(text)
    below = f"\n\n{notice}" if notice else ""
    room = STREAM_BYTES - len(below.encode()) - len(block.encode()) - 64
    data = shown.encode("utf-8", "replace")
    if len(data) > room:
        shown = data[:room].decode(errors="ignore")
        shown = shown[: shown.rfind("\n") + 1] or shown
    shown = block + _closed(shown) + below
    return shown if is_visible(shown) else WAITING


def with_thinking(text: str, reasoning: str) -> str:
    """Return the last frame: the answer, and above it what was thought, as far as there is room for it."""
    return _thinking_block(reasoning, min(_REASONING_BYTES, _CONTENT_BYTES - len(text.encode()) - 64)) + text


def without_thinking(content: str) -> str:
    """Return the answer that a last frame holds."""
    return _BLOCK.sub("", content, count=1)


def _thinking_block(reasoning: str, room: int) -> str:
    """Return reasoning as the client's folding block, the latest of it where it is long; empty for none."""
    text = escape_thinking(reasoning).strip()
    data = text.encode("utf-8", "replace")
    if len(data) > room:
        text = f"…{data[-room:].decode(errors='ignore')}" if room > 0 else ""
    return f"<think>{text}</think>\n\n" if is_visible(text) else ""


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
