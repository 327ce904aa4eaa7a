"""Holds consoles open as browsers do: the chat's stream of events and the turns page, which asks every three seconds.

A program of its own, `python -m benchmarks.open_consoles URL COOKIE COUNT`, so that what it reads costs those nothing
who are measured. It says `open` once every page is there, and runs until it is ended.
"""

import asyncio
import sys

import aiohttp

from web.loop import run

_EVERY = 3.0
"""Seconds between two looks of the turns page (`turns.html`)."""
_PAGE = {"Sec-Fetch-Site": "same-origin", "Accept-Language": "zh-CN", "Accept-Encoding": "gzip"}


async def main() -> None:
    """Open the pages one after the other, then hold all of them."""
    url, cookie, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    headers = _PAGE | {"Cookie": cookie}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, headers=headers, connector=connector, raise_for_status=True) as browser:
        holding = []
        for number in range(count):
            for page in ("/console", "/console/turns"):
                async with browser.get(page) as answer:
                    await answer.read()
            opened = asyncio.Event()
            holding += [
                asyncio.create_task(_listen(browser, opened)),
                asyncio.create_task(_look(browser, number, count)),
            ]
            await opened.wait()
        print("open", flush=True)
        await asyncio.gather(*holding)


async def _listen(browser: aiohttp.ClientSession, opened: asyncio.Event) -> None:
    timeout = aiohttp.ClientTimeout(total=None)
    async with browser.get("/console/stream?channel=chat", timeout=timeout) as stream:
        opened.set()
        async for _ in stream.content.iter_any():
            pass


async def _look(browser: aiohttp.ClientSession, number: int, count: int) -> None:
    # People open their pages at moments of their own.
    await asyncio.sleep(_EVERY * number / count)
    while True:
        async with browser.get("/console/turns/list") as answer:
            await answer.read()
        await asyncio.sleep(_EVERY)


if __name__ == "__main__":
    run(main())
