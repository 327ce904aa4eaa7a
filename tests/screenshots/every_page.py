"""Takes every page of the console, both languages, light and dark, on a phone and wide: `make screens`."""

import asyncio
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from pipeline.settings import Log
from tests.fakes.openai_server import OpenAIServer
from tests.screenshots.studio import Studio, open_browser
from tests.service import running_service
from tests.web.console.every_page import LANGUAGES, MAY_BE_REPLAYED, fill, in_language, page_addresses, replay_once
from web.logs.setup import configure_logs

_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_WIDTHS = (390, 1440)
_HEIGHT = 900
_MOST_PIXELS = 4000
"""Of a page's height: the documentation of the API is longer than a picture may be."""


async def _take(folder: Path) -> None:
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with TemporaryDirectory() as home:
        async with (
            open_browser() as browser,
            OpenAIServer() as model,
            running_service(Path(home), model.environ() | MAY_BE_REPLAYED) as service,
        ):
            await fill(service, model)
            addresses = page_addresses(service, replay=await replay_once(service))
            for language in LANGUAGES:
                async with Studio(browser, language).page((_WIDTHS[-1], _HEIGHT), 1.0) as page:
                    for address in addresses:
                        await page.set_viewport_size({"width": _WIDTHS[-1], "height": _HEIGHT})
                        await page.goto(f"{service.console.base_url}{in_language(address, language)}")
                        for scheme in _SCHEMES:
                            await page.emulate_media(color_scheme=scheme)
                            for width in _WIDTHS:
                                await page.set_viewport_size({"width": width, "height": _HEIGHT})
                                height = await page.evaluate("document.documentElement.scrollHeight")
                                await page.set_viewport_size({"width": width, "height": min(height, _MOST_PIXELS)})
                                to = folder / f"{_name_of(address)}.{language}.{scheme}.{width}.png"
                                await page.screenshot(path=to)


def _name_of(address: str) -> str:
    """Return an address as a file name; what stands for one replay or turn is left as it is."""
    path = re.sub(r"replay/\w+", "replay/one", address.partition("?")[0].removeprefix("/"))
    return path.replace("/", "-") or "console"


if __name__ == "__main__":
    with configure_logs(Log(level="critical"), ()):
        asyncio.run(_take(Path(sys.argv[1])))
