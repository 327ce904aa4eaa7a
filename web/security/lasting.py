"""Ends what goes on after a request was let in, once it would no longer be: a stream outlives the check of its request.

Whoever is signed out, loses a role or a token, or whose session is over, would else read on for as long as they like.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, TypeVar

from litestar import Request
from litestar.exceptions import HTTPException

_T = TypeVar("_T")


async def while_admitted(request: Request[Any, Any, Any], steps: AsyncGenerator[_T]) -> AsyncGenerator[_T]:
    """Yield each step as long as the guards of the request's route let the request in."""
    async with aclosing(steps):
        async for step in steps:
            try:
                await request.route_handler.authorize_connection(request)
            except HTTPException:
                return
            yield step
