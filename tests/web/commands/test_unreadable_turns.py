"""Turns whose rows cannot be read, in the shell and in the console: each is shown, and none in a traceback."""

import asyncio
from pathlib import Path
from typing import Any, cast

from sqlalchemy import insert

from storage.database.tables import inbox, outbox
from tests.service import running_service
from tests.storage.test_unreadable_rows import BAD_CONTENTS, BAD_PARTS, ROW, TEXT
from tests.web.shell import webot

ROWS = [cast("dict[str, Any]", case.values[0]) for case in BAD_CONTENTS]


async def test_turns_that_cannot_be_read_are_shown(tmp_path: Path) -> None:
    environ = {"WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db"}
    turns = dict(enumerate([*ROWS, *({"content": TEXT} for _ in BAD_PARTS)], 1000))
    parts = dict(enumerate(BAD_PARTS, 1000 + len(ROWS)))
    async with running_service(tmp_path) as service:
        async with service.service.database.write() as connection:
            for number, row in turns.items():
                own = {"id": number, "key": f"k{number}", "lane": f"lane {number}", "state": "failed"}
                await connection.execute(insert(inbox).values(ROW | own | row))
            for number, part in parts.items():
                await connection.execute(insert(outbox).values(turn_id=number, place=0, person="fake/张三", part=part))
        pages = await asyncio.gather(*(service.console.get(f"/console/turns/{number}") for number in turns))
        lists = [await service.console.get(path) for path in ("/console/turns", "/api/v1/turns")]
    ran = [await webot("turns", "show", str(number), "--words", folder=tmp_path, environ=environ) for number in turns]
    listed = await webot("turns", "--json", folder=tmp_path, environ=environ)

    assert {200} == {page.status_code for page in (*pages, *lists)}
    assert {(0, "")} == {(one.code, one.err) for one in (*ran, listed)}
