"""Shows in the chat what was said and sent before the service was started: the simulator itself remembers nothing."""

from adapters.simulator.platform.apps import App
from adapters.simulator.platform.state import chat_of
from adapters.simulator.platform.timeline import Delivered, Entry, MediaLabel, MemberAction
from pipeline.errors import Undeliverable
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
    entries: list[Entry] = []
    for turn in await latest_turns(service.database, apps.keys(), limit=_TURNS):
        app = apps[turn.sender.channel]
        entries += [_said(turn, app), *[await _sent(service, turn, app, part) for part in turn.parts]]
    simulator.platform.show_earlier(sorted(entries, key=lambda entry: entry.at))


def _said(turn: LatestTurn, app: App) -> MemberAction:
    return MemberAction(0, turn.at, app.corp_id, app.agent_id, turn.sender.user, "", turn.content, turn.group)


async def _sent(service: Service, turn: LatestTurn, app: App, sent: SentPart) -> Delivered:
    user = chat_of(turn.sender.user, turn.group)
    head = (0, sent.at, app.corp_id, app.agent_id, user, sent.message_id)
    match sent.part:
        case TextPart(text, kind):
            feedback = turn.key if app.bot_id and sent is turn.parts[0] else ""
            return Delivered(*head, kind, text=text, sent=text, feedback=feedback)
        case DocumentPart(name, text):
            label = _put(service, app, "file", text.encode("utf-8", "replace"), name)
            return Delivered(*head, "file", media=label)
        case ImagePart(media, kind) | VoicePart(media, kind) | FilePart(media, kind):
            try:
                data = await service.media.read(media)
            except (Undeliverable, OSError):
                return Delivered(*head, "text", text=media.name)
            return Delivered(*head, kind, media=_put(service, app, kind, data, media.name))


def _put(service: Service, app: App, kind: str, data: bytes, name: str) -> MediaLabel:
    assert service.simulator is not None  # noqa: S101 -- asked where this begins
    return service.simulator.platform.uploads.put(app.corp_id, kind, data, name=name).label
