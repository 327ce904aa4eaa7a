"""The zone whose days and times webot tells and counts: the machine's, or that of `[chat] timezone`."""

import os
import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pipeline.text.phrases import nearest

_CHINA = "Asia/Shanghai"
_CHINESE_PLACES = (
    "beijing",
    "peking",
    "china",
    "guangzhou",
    "shenzhen",
    "hangzhou",
    "北京",
    "上海",
    "中国",
    "utc+8",
    "gmt+8",
)
"""What people write for the zone of China, folded; none is a zone's name."""

_MACHINE = os.environ.get("TZ")


def use_timezone(name: str) -> None:
    """Make a zone that of this process and of those it starts; empty for the machine's.

    Everything that asks for local time follows: `astimezone()`, the log, the processes that make documents.
    """
    wanted = name or _MACHINE
    if os.environ.get("TZ") == wanted:
        return
    if wanted is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = wanted
    # Windows has none, and keeps to its own zone.
    if hasattr(time, "tzset"):
        time.tzset()


def is_timezone(name: str) -> bool:
    """Whether this machine knows a zone of that name. Reads files."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def nearest_timezone(name: str) -> str:
    """Return the zone that a name is most like; empty for none. Reads files."""
    known = {zone.casefold(): zone for zone in available_timezones()}
    wanted = name.casefold().strip().replace(" ", "_")
    if any(place in wanted for place in _CHINESE_PLACES):
        return _CHINA
    return known.get(wanted) or known.get(nearest(wanted, known), "")
