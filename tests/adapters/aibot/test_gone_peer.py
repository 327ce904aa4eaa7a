"""A peer that is gone before it can be answered: its connection ends, and the loop that keeps connections does not."""

import json

from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from adapters.aibot.connection import BotConnection
from adapters.aibot.frames import BotFrame
from pipeline.supervision import SupervisedLoop
from tests.adapters.aibot.bot import QUICK
from tests.service import until


def _frame(cmd: str) -> bytes:
    """Return a frame as a server sends it."""
    text = json.dumps({"cmd": cmd, "headers": {"req_id": "r"}, "body": {}}).encode()
    return bytes((0x81, len(text))) + text


async def test_a_ping_that_cannot_be_answered_any_more_ends_the_connection_and_not_the_loop() -> None:
    subscribed = 0

    async def serve(request: web.Request) -> web.WebSocketResponse:
        nonlocal subscribed
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        req_id = (await socket.receive_json())["headers"]["req_id"]
        await socket.send_json({"headers": {"req_id": req_id}, "errcode": 0})
        subscribed += 1
        is_first = subscribed == 1
        async for _ in socket:
            if is_first and request.transport is not None:
                # In one piece, so that the second has been read when the first is looked at.
                request.transport.write(_frame("aibot_msg_callback") + _frame("ping"))
        return socket

    def leave(_: BotFrame) -> None:
        session = connection._session  # noqa: SLF001 -- the moment is what counts
        assert session is not None
        session.socket._conn.transport.abort()  # type: ignore[union-attr]  # noqa: SLF001

    application = web.Application()
    application.router.add_get("/", serve)
    server = TestServer(application)
    await server.start_server()
    connection = BotConnection(
        "bot", str(server.make_url("/")), bot_id="b", secret="s", on_callback=leave, timing=QUICK.connection
    )
    loop = SupervisedLoop("bot", connection.run)
    with capture_logs() as logs:
        loop.start()
        await until(lambda: subscribed > 1)
        await connection.subscribed(30)
        await loop.stop()
    await server.close()

    assert [] == [line for line in logs if line["event"] in {"loop_ended", "loop_restarts"}]
    assert 1 == sum(line["event"] == "bot_disconnected" for line in logs)
