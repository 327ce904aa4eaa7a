"""What is wrong with the address of a server that speaks the OpenAI protocol, and what would be right."""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from pipeline.text.credentials import shown_address
from pipeline.text.i18n import Sentence

_CALLS = re.compile(
    r"(?:/chat)?/completions|/responses|/embeddings|/images/\w+|/audio/\w+",
    re.IGNORECASE,
)
"""What the protocol calls at an address; `/models` and `/chat` are where some servers begin."""
_HOMES = {
    "api.openai.com": "/v1",
    "dashscope.aliyuncs.com": "/compatible-mode/v1",
    "dashscope-intl.aliyuncs.com": "/compatible-mode/v1",
    "api.moonshot.cn": "/v1",
    "api.siliconflow.cn": "/v1",
    "open.bigmodel.cn": "/api/paas/v4",
    "ark.cn-beijing.volces.com": "/api/v3",
    "openrouter.ai": "/api/v1",
    "api.groq.com": "/openai/v1",
    "generativelanguage.googleapis.com": "/v1beta/openai",
}
_NEEDS_NO_PATH = frozenset({"api.deepseek.com"})


def address_problem(address: str) -> Sentence | None:
    """Return why nothing can be asked at an address, and which was most likely meant; None for a possible one."""
    found = repr(shown_address(address))
    if not address.lower().startswith(("http://", "https://")):
        host = address.partition("/")[0]
        guess = "" if "://" in address or "." not in host + "." else f"{_scheme(host)}://{address}"
        parts = _split(guess) if guess else None
        if parts is None or not parts.hostname or re.search(r"\s", address):
            return Sentence("model_table.no_scheme", found=found)
        return Sentence("model_table.no_scheme_near", found=found, near=repr(shown_address(_without_call(parts))))
    parts = _split(address)
    if parts is None or not parts.hostname or re.search(r"\s", address):
        return Sentence("model_table.no_host", found=found)
    if parts.query or parts.fragment or "?" in address:
        return Sentence("model_table.with_query", found=found, near=repr(shown_address(_without_call(parts))))
    if _without_call(parts) != address.rstrip("/"):
        return Sentence("model_table.whole_call", found=found, near=repr(shown_address(_without_call(parts))))
    return None


def address_doubt(address: str) -> Sentence | None:
    """Return where else a server most likely answers, for an address that may be wrong; None without a doubt."""
    parts = _split(address)
    if parts is None or not parts.hostname or parts.hostname in _NEEDS_NO_PATH:
        return None
    path = parts.path.rstrip("/")
    home = _HOMES.get(parts.hostname, "/v1")
    if path and (parts.hostname not in _HOMES or not home.startswith(path) or path == home):
        return None
    meant = parts._replace(path=home).geturl()
    return Sentence("model_table.no_version", found=repr(shown_address(address)), near=repr(shown_address(meant)))


def _split(address: str) -> SplitResult | None:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _without_call(parts: SplitResult) -> str:
    """Return an address without query and without what is called at it, behind its version where it has none."""
    path = parts.path.rstrip("/")
    while (found := re.search(rf"(?:{_CALLS.pattern})\Z", path, re.IGNORECASE)) is not None:
        path = path[: found.start()].rstrip("/")
    if not path and parts.path.strip("/"):
        path = _HOMES.get(parts.hostname or "", "/v1")
    return parts._replace(path=path, query="", fragment="").geturl()


def _scheme(host: str) -> str:
    name = host.partition(":")[0]
    try:
        return "http" if ipaddress.ip_address(name).is_private else "https"
    except ValueError:
        return "http" if name == "localhost" else "https"
