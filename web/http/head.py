"""HEAD wherever GET is answered: monitors and load balancers ask that way, and the framework has no route for it."""

from collections.abc import Collection
from typing import Any, cast

from litestar.types import ASGIApp, Message, Receive, Scope, Send


def answering_head(app: ASGIApp, *, but: Collection[str]) -> ASGIApp:
    """Wrap an application to answer HEAD with what GET would say, without the body; paths of `but` are left alone."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        asked = cast("dict[str, Any]", scope)
        if asked.get("method") != "HEAD" or asked["path"] in but:
            await app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                # The end at once: what streams would else hold the connection for as long as it goes on.
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        # uvicorn lets a HEAD carry the length of the body that is not sent.
        await app(cast("Scope", {**asked, "method": "GET"}), receive, send_head)

    return answer
