"""What people send a bot: downloaded at once, since its address is good for five minutes and a turn may wait longer."""

import asyncio
from collections import OrderedDict

from adapters.aibot.bot_media import download
from adapters.aibot.event_reader import media_in
from adapters.wecom.client.media import ending_of, mime_of
from pipeline.errors import TryAgain
from pipeline.events import File, Image, InboundEvent, Text
from pipeline.ports import MediaStore
from pipeline.replies import StoredMedia

_MOST_DOWNLOADS = 1000
_DOWNLOADS_AT_ONCE = 4


class ReceivedMedia:
    """Files of one bot's chats; `key` opens those that come without a key of their own, `local` allows this machine."""

    def __init__(self, media: MediaStore, *, key: str, proxy: str, local: bool) -> None:
        self._media = media
        self._key = key
        self._proxy = proxy
        self._local = local
        self._downloads: OrderedDict[str, asyncio.Task[StoredMedia]] = OrderedDict()
        self._downloading = asyncio.Semaphore(_DOWNLOADS_AT_ONCE)

    def begin(self, event: InboundEvent) -> None:
        """Download what came with a message."""
        match event.content:
            case Image(media_id) | File(media_id):
                self._begin(media_id)
            case Text(files=files):
                for file in files:
                    self._begin(file.media_id)
            case _:
                pass

    def _begin(self, media_id: str) -> None:
        if media_id in self._downloads:
            return
        task = asyncio.create_task(self._download(media_id))
        # Whoever fetches it is told what went wrong.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._downloads[media_id] = task
        while len(self._downloads) > _MOST_DOWNLOADS:
            self._downloads.popitem(last=False)

    async def fetch(self, media_id: str) -> StoredMedia:
        """Return a file in the media store; its download was begun when it came, or by another process."""
        running = self._downloads.get(media_id)
        if running is not None:
            try:
                return await asyncio.shield(running)
            except TryAgain:
                self._downloads.pop(media_id, None)
        return await self._download(media_id)

    async def aclose(self) -> None:
        """End the downloads."""
        for task in self._downloads.values():
            task.cancel()
        await asyncio.gather(*self._downloads.values(), return_exceptions=True)

    async def _download(self, media_id: str) -> StoredMedia:
        url, aes_key = media_in(media_id)
        async with self._downloading:
            data, name = await download(url, aes_key or self._key, proxy=self._proxy, local=self._local)
        mime = mime_of(data)
        return await self._media.keep(data, mime=mime, name=name or f"{mime.partition('/')[0]}{ending_of(mime)}")
