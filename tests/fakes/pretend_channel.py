"""A whole kind of channel in one file: JSON in at a path, what is sent kept in a list."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime

from pydantic import SecretStr

from adapters.channel_kind import ChannelContext, ChannelKind, ExaminationContext, OpenedChannel
from pipeline.errors import BadCallback, Undeliverable
from pipeline.events import InboundEvent, Person, Text
from pipeline.findings import Finding
from pipeline.ports import ChannelCapabilities, Profile, WebhookRequest, WebhookResponse
from pipeline.replies import Part, Receipt, Reply, StoredMedia, TextPart, TextReply
from pipeline.settings import ChannelSettings


class PretendSettings(ChannelSettings):
    """The table of a pretend kind."""

    kind: str = "pretend"
    """The kind of channel."""
    chain: str = "default"
    """The chain that answers here."""
    path: str = "/pretend"
    """Where messages come in."""
    password: SecretStr = SecretStr("")
    """What a message has to say to be let in."""

    @property
    def missing_credentials(self) -> tuple[str, ...]:
        return () if self.password.get_secret_value() else ("password",)

    @property
    def callback_path(self) -> str:
        return self.path


class PretendChannel:
    """Implements `pipeline.ports.Channel`; `sent` is everything that left."""

    def __init__(self, name: str, password: str) -> None:
        self.name = name
        self.capabilities = ChannelCapabilities(message_bytes=4096)
        self.sent: list[tuple[str, str]] = []
        self._password = password

    def receive(self, call: WebhookRequest) -> tuple[WebhookResponse, InboundEvent | None]:
        said = json.loads(call.body)
        if said["password"] != self._password:
            raise BadCallback("not the password", code=0, reason="password")
        event = InboundEvent(said["id"], Person(self.name, said["user"]), Text(said["text"]), datetime.now(UTC))
        return WebhookResponse(200, "thanks"), event

    def render(self, replies: Sequence[Reply]) -> tuple[Part, ...]:
        return tuple(TextPart(reply.text, "text") for reply in replies if isinstance(reply, TextReply))

    async def send(self, person: Person, part: Part) -> Receipt:
        assert isinstance(part, TextPart)
        self.sent.append((person.user, part.text))
        return Receipt()

    async def fetch(self, media_id: str) -> StoredMedia:
        raise Undeliverable(media_id)

    async def profile(self, person: Person) -> Profile:
        return Profile(person.user)

    async def aclose(self) -> None:
        pass


def open_pretend(table: ChannelSettings, context: ChannelContext) -> OpenedChannel:
    assert isinstance(table, PretendSettings)
    channel = PretendChannel(context.name, table.password.get_secret_value())
    return OpenedChannel(channel, table.path)


async def pretend_findings(_: ChannelSettings, context: ExaminationContext) -> AsyncIterator[Finding]:
    yield context.findings.ok("keys", "keys_ok")


def _clashes(tables: Mapping[str, PretendSettings]) -> list[str]:
    passwords = [table.password.get_secret_value() for table in tables.values()]
    return [] if len(set(passwords)) == len(passwords) else ["[channels.post] password: is another channel's"]


KIND = ChannelKind("pretend", PretendSettings, open=open_pretend, examine=pretend_findings, clashes=_clashes)
