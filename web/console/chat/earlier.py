"""Shows in the chat what was said and sent before the service was started: the simulator itself remembers nothing."""

from adapters.simulator.platform.apps import App
from adapters.simulator.platform.state import Platform, chat_of
from adapters.simulator.platform.timeline import Delivered, Entry, MemberAction
from pipeline.errors import Undeliverable
from pipeline.ports import MediaStore
from pipeline.replies import DocumentPart, FilePart, ImagePart, TextPart, VoicePart
from storage.monitoring.latest_turns import LatestTurn, SentPart, latest_turns
from web.wiring import Service

_TURNS = 300


async def show_earlier(service: Service) -> None:
    """Put the latest turns of simulated channels on the phones, as far as the database has them."""
    simulator = service.simulator
    apps = {name: opened.simulated for name, opened in service.channels.items() if opened.simulated is not None}
    if simulator is None or not apps:
        return
    platform = simulator.platform
    entries: list[Entry] = []
    for turn in await latest_turns(service.database, apps.keys(), limit=_TURNS):
        app = apps[turn.sender.channel]
        entries += [_said(turn, app), *[await _sent(platform, service.media, turn, app, part) for part in turn.parts]]
    platform.show_earlier(sorted(entries, key=lambda entry: entry.at))


def _said(turn: LatestTurn, app: App) -> MemberAction:
    return MemberAction(0, turn.at, app.corp_id, app.agent_id, turn.sender.user, "", turn.content, turn.group)


async def _sent(platform: Platform, media: MediaStore, turn: LatestTurn, app: App, sent: SentPart) -> Delivered:
    user = chat_of(turn.sender.user, turn.group)
    head = (0, sent.at, app.corp_id, app.agent_id, user, sent.message_id)
    match sent.part:
        case TextPart(text, kind):
            feedback = turn.key if app.bot_id and sent is turn.parts[0] else ""
            return Delivered(*head, kind, text=text, sent=text, feedback=feedback)
        case DocumentPart(name, text):
            stored = platform.uploads.put(app.corp_id, "file", text.encode("utf-8", "replace"), name=name)
            return Delivered(*head, "file", media=stored.label)
        case ImagePart(file, kind) | VoicePart(file, kind) | FilePart(file, kind):
            try:
                data = await media.read(file)
            except (Undeliverable, OSError):
                return Delivered(*head, "text", text=file.name)
            return Delivered(*head, kind, media=platform.uploads.put(app.corp_id, kind, data, name=file.name).label)
