"""The tool that tells the time: a model knows no other day than the one its training ended."""

import asyncio
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from langchain_core.tools import BaseTool, tool

from chains.media.services import MediaServices
from chains.tooling.tool import Tool

NAME = "current_time"


@tool(NAME)
async def current_time(
    time_zone: Annotated[
        str, "An IANA time zone such as Asia/Tokyo; leave it empty for the local time of the person."
    ] = "",
) -> str:
    """Return the current date, time and day of the week."""
    named = time_zone.strip()
    try:
        # Reads a file, the first time.
        now = datetime.now(await asyncio.to_thread(ZoneInfo, named)) if named else datetime.now().astimezone()
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "Not known: there is no such time zone. Give an IANA name such as Europe/Berlin."
    offset = now.strftime("%z")
    return f"{now:%Y-%m-%d %H:%M:%S}, {now:%A}, UTC{offset[:3]}:{offset[3:5]} ({named or now.tzname()})"


def _make(_: MediaServices) -> BaseTool:
    return current_time


TOOL = Tool(NAME, _make)
