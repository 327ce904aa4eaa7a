"""A real MCP server with a few tools; as a program over stdio, or over HTTP on loopback.

`python -m tests.fakes.mcp_server stdio` or `python -m tests.fakes.mcp_server streamable_http PORT`.
"""

import asyncio
import os
import sys
from typing import Any

from mcp.server.fastmcp import Context, FastMCP, Image
from mcp.types import CallToolResult, ImageContent

PIXEL = bytes.fromhex("89504e470d0a1a0a")


def build(port: int = 0) -> FastMCP:
    """Make the server."""
    server = FastMCP("pretend", port=port, log_level="ERROR")

    def add(a: int, b: int) -> str:
        """Add two numbers."""
        return str(a + b)

    def who() -> str:
        """Say what the program's environment has."""
        return f"{os.environ.get('PRETEND_KEY')} {os.environ.get('WEBOT_SECRET')}"

    def break_() -> str:
        """Fail."""
        raise ValueError("the cellar is locked")

    async def dawdle() -> str:
        """Never come to an end."""
        await asyncio.Event().wait()
        return ""

    def die() -> str:
        """Take the whole program along."""
        os._exit(3)

    def long(size: int) -> str:
        """Say much."""
        return "x" * size

    def look() -> list[str | Image]:
        """Show a picture."""
        return ["a cat", Image(data=PIXEL, format="png")]

    def measure() -> CallToolResult:
        """Measure, and show the thermometer."""
        image = ImageContent(type="image", data="iVBORw0KGgo=", mimeType="image/png")
        return CallToolResult(content=[image], structuredContent={"temperature": 21})

    def header(context: Context[Any, Any, Any]) -> str:
        """Say what came in a header."""
        request = context.request_context.request
        return str(request.headers.get("x-key")) if request is not None else ""

    for tool in (add, break_, dawdle, die, long, header):
        server.add_tool(tool)
    server.add_tool(look, structured_output=False)
    server.add_tool(measure, structured_output=False)
    server.add_tool(add, name="查天气")
    server.add_tool(add, name="查航班")
    server.add_tool(who, name="who.am-I")
    return server


if __name__ == "__main__":
    transport, *rest = sys.argv[1:]
    build(int(rest[0]) if rest else 0).run(transport="stdio" if transport == "stdio" else "streamable-http")
