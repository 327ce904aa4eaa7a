"""How much of what happened."""

from collections import Counter
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields


@dataclass(slots=True)
class Stats:
    """Running totals since the start."""

    calls: Counter[str] = field(default_factory=Counter)
    """API calls by route."""
    errors: Counter[int] = field(default_factory=Counter)
    """API answers by errcode, success left out."""
    faults: Counter[str] = field(default_factory=Counter)
    """Misbehaviour on request, by kind."""
    delivered: int = 0
    """Messages that reached a phone, one for each receiver."""
    dropped: int = 0
    """Messages dropped for coming too fast, without an error."""
    truncated: int = 0
    """Messages cut for being too long, without an error."""
    repeated: int = 0
    """Requests to send whose body was the same as an earlier one's."""
    swallowed: int = 0
    """Those of them that enable_duplicate_check kept from the phone."""
    posted: int = 0
    """Callbacks posted, each try counted."""
    accepted: int = 0
    """Callbacks some try of which was answered with 200."""
    given_up: int = 0
    """Callbacks lost to the app: every try failed."""

    def as_fields(self) -> dict[str, object]:
        """Return the totals as JSON has them, with strings for keys."""
        fields: dict[str, object] = {field.name: getattr(self, field.name) for field in dataclass_fields(self)}
        return fields | {"errors": {str(code): count for code, count in self.errors.items()}}
