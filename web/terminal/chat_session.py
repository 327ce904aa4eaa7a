"""One member's conversation through the simulator: lines go in, what comes to the phone comes out."""

import asyncio
import mimetypes
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.text import Text as Styled

from adapters.simulator.platform.timeline import Delivered, Entry, MediaLabel
from pipeline.events import Content, File, Image, Text, Voice
from pipeline.text.i18n import Catalogue, Sentence, in_language, os_reason
from web.terminal.client import Client, NotAnswered
from web.terminal.terminal import Pipe, Terminal, harmless

_PATIENCE_SECONDS = 330.0
"""A little longer than an answer may take by default."""
_PICTURES = {"image/jpeg", "image/png", "image/gif"}
_NOT_IN_A_NAME = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_LONGEST_NAME = 80


class ChatSession:
    """Talks until there are no more lines; `folder` is where pictures and files are put."""

    def __init__(
        self,
        client: Client,
        session: Mapping[str, str],
        catalogue: Catalogue,
        *,
        terminal: Terminal | Pipe,
        folder: Path,
    ) -> None:
        self._client = client
        self._session_fields = session
        self._catalogue = catalogue
        self._terminal = terminal
        self._folder = folder
        self._shown = 0
        self._more = asyncio.Event()
        self._clean = True
        self._printed: dict[str, str] = {}
        """What has been printed of answers that grow."""

    async def run(self) -> bool:
        """Talk to the end; false if something was not delivered or not answered."""
        async with self._client.follow(self._session_fields) as entries:
            tasks = {asyncio.create_task(self._listen(entries)), asyncio.create_task(self._speak())}
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        return self._clean

    async def _speak(self) -> None:
        async for line in self._terminal.lines():
            match _order(line):
                case "quit":
                    return
                case "nothing":
                    continue
                case "send":
                    is_accepted = await self._send(line.strip().partition(" ")[2].strip())
                case "say":
                    is_accepted = self._report(await self._client.do(self._session_fields, Text(line)))
            if is_accepted and not self._terminal.interactive:
                # The next line of a script is said when the last one has been answered, as a person would.
                await self._settle()

    async def _send(self, name: str) -> bool:
        try:
            path, data = await asyncio.to_thread(_read, name)
        except OSError as error:
            self._complain("terminal.unreadable", path=name, why=in_language(os_reason(error), self._catalogue))
            return False
        if not data:
            self._complain("terminal.empty", path=path)
            return False
        mime = mimetypes.guess_type(path.name)[0] or ""
        content: Content
        if mime in _PICTURES:
            content = Image(await self._client.put(self._session_fields, "image", path.name, data))
        elif path.suffix.lower() == ".amr":
            content = Voice(await self._client.put(self._session_fields, "voice", path.name, data), "amr")
        else:
            content = File(await self._client.put(self._session_fields, "file", path.name, data), path.name)
        return self._report(await self._client.do(self._session_fields, content))

    def _report(self, posting: Mapping[str, object]) -> bool:
        """Return whether what was said reached the service, and say so where it did not."""
        if not posting["accepted"]:
            self._complain("terminal.not_accepted", statuses=posting["statuses"])
        return bool(posting["accepted"])

    async def _settle(self) -> None:
        latest = await self._client.settled(self._session_fields, within=min(60.0, _PATIENCE_SECONDS))
        for _ in range(int(_PATIENCE_SECONDS // 60)):
            if latest is not None:
                break
            latest = await self._client.settled(self._session_fields, within=60.0)
        if latest is None:
            self._complain("terminal.unanswered")
            return
        while self._shown < latest:
            self._more.clear()
            await self._more.wait()

    def _complain(self, key: str, **values: object) -> None:
        self._clean = False
        self._terminal.show(self._catalogue.text(key, **values))

    async def _listen(self, entries: AsyncIterator[Entry]) -> None:
        async for entry in entries:
            if isinstance(entry, Delivered):
                await self._show_growing(entry)
            self._shown = entry.number
            self._more.set()
        # The stream ends when the service does.
        raise NotAnswered(self._catalogue.text("terminal.service_left"))

    async def _show_growing(self, message: Delivered) -> None:
        """Print what there is more of an answer line by line as it grows, and all of it that is new at its end."""
        printed = self._printed.pop(message.msgid, "")
        if not (message.streaming or printed):
            await self._show(message)
            return
        if not self._terminal.interactive:
            if not message.streaming:
                await self._show(message)
            return
        lines = message.text.rpartition("\n")[0] if message.streaming else message.text
        if not lines.startswith(printed):
            # What was a notice, or code closed for show, is another text now: it is printed whole at the end.
            lines = printed if message.streaming else lines
            printed = "" if not message.streaming else printed
        if more := lines[len(printed) :].strip("\n"):
            self._terminal.show(styled(harmless(more), heading="" if printed else "webot"))
        if message.streaming:
            self._printed[message.msgid] = lines

    async def _show(self, message: Delivered) -> None:
        if message.media is not None:
            path = await self._save(message.media)
            self._terminal.show(self._catalogue.text(f"terminal.{_kind(message.media)}", path=path))
        elif self._terminal.interactive:
            self._terminal.show(styled(harmless(message.text), heading="webot"))
        else:
            self._terminal.show(message.text)

    async def _save(self, label: MediaLabel) -> Path:
        data = await self._client.media(self._session_fields, label.media_id)
        name = _NOT_IN_A_NAME.sub("_", label.name or f"{label.type}{mimetypes.guess_extension(label.mime) or ''}")
        return await asyncio.to_thread(_write, self._folder, name[-_LONGEST_NAME:].lstrip("."), data)


def styled(text: str, *, heading: str) -> str:
    """Colour a message for a terminal, keeping every character so that it can be copied and pasted."""
    shown = Styled(text)
    shown.highlight_regex(r"(?m)^#{1,6} .*$", "bold")
    shown.highlight_regex(r"\*\*[^*\n]+\*\*", "bold")
    shown.highlight_regex(r"`[^`\n]+`", "cyan")
    shown.highlight_regex(r"(?m)^> .*$", "italic")
    shown.highlight_regex(r"https?://[^\s)）]+", "underline blue")
    # A terminal it is; whether colours are wanted, rich asks the environment.
    console = Console(force_terminal=True, highlight=False)
    with console.capture() as captured:
        if heading:
            console.print(Styled(heading, style="bold green"), soft_wrap=True)
        console.print(shown, soft_wrap=True)
    return captured.get()


def _order(line: str) -> Literal["quit", "send", "say", "nothing"]:
    word = line.strip().partition(" ")[0]
    match word:
        case "":
            return "nothing"
        case "/quit" | "/exit":
            return "quit"
        case "/send" if line.strip() != word:
            return "send"
        case _:
            return "say"


def _kind(media: MediaLabel) -> str:
    return media.type if media.type in {"image", "voice"} else "file"


def _read(name: str) -> tuple[Path, bytes]:
    path = Path(name).expanduser()
    return path, path.read_bytes()


def _write(folder: Path, name: str, data: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    stem, dot, ending = (name or "file").rpartition(".")
    for n in range(1, 10_000):
        numbered = name if n == 1 else f"{stem or ending}-{n}{dot if stem else ''}{ending if stem else ''}"
        path = folder / numbered
        try:
            with path.open("xb") as file:
                file.write(data)
        except FileExistsError:
            continue
        return path
    raise NotAnswered(Sentence("shell.simulate_full", folder=str(folder), name=name))
