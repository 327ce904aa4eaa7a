"""What a deed of the audit was about, in one line, as the shell and the console show it."""

from datetime import datetime

from storage.conversations.audit import AuditRow


def described(deed: AuditRow) -> str:
    """Return what was chosen; what was left as it is by default is not named."""
    details = dict(deed.details)
    chosen = details.pop("filter", {})
    return " ".join(f"{name}={_short(name, value)}" for name, value in {**details, **chosen}.items() if value)


def _short(name: str, value: object) -> str:
    match value:
        case float() if name in {"since", "until"}:
            return datetime.fromtimestamp(value).astimezone().strftime("%Y-%m-%dT%H:%M")
        case list():
            return ",".join(map(str, value))
        case str() if name == "masked":
            return "yes"
        case _:
            return str(value)
