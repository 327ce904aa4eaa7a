"""Makes the pictures again, all or those that are named: `python -m tests.screenshots chat usage`."""

import asyncio
import sys
from collections.abc import Collection

from pipeline.settings import Log
from tests.screenshots.picture_kinds import FOLDER, KINDS
from tests.screenshots.studio import Studio, open_browser
from web.logs.setup import configure_logs


async def _take(names: Collection[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    async with open_browser() as browser:
        for kind in KINDS:
            if names and kind.name not in names:
                continue
            for file, language, dark in kind.files():
                await kind.take(Studio(browser, language, dark=dark), FOLDER / file)
                sys.stdout.write(f"{file}: {(FOLDER / file).stat().st_size // 1000} kB\n")


if __name__ == "__main__":
    with configure_logs(Log(level="critical"), ()):
        asyncio.run(_take(sys.argv[1:]))
