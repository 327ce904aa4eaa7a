"""The applications of a pretend corp as their administrator sees them, and the limits WeCom holds them to."""

import itertools
import secrets
import string
from dataclasses import dataclass, field, replace

_LETTERS = string.ascii_letters + string.digits
_BOT_NUMBERS = itertools.count(1900001)
"""WeCom gives bots no number; here each has its own, so that none takes an application's place."""


@dataclass(frozen=True, slots=True)
class App:
    """A self-built application; `encoding_aes_key` has 43 letters and digits, `callback_url` is where it listens."""

    corp_id: str
    agent_id: int
    secret: str = field(repr=False)
    token: str = field(repr=False)
    encoding_aes_key: str = field(repr=False)
    callback_url: str = ""
    name: str = "webot"
    bot_id: str = ""
    """BotID of an AI bot, which has one connection or an address; empty for an application."""

    @property
    def key(self) -> tuple[str, int]:
        """Name the app among all apps of all corps."""
        return (self.corp_id, self.agent_id)


def invent_app(
    *, corp_id: str = "ww0simulator000000", agent_id: int = 1000002, callback_url: str = "", name: str = "webot"
) -> App:
    """Make an app with fresh secrets, so that nothing else on the machine can sign in its name."""
    return App(
        corp_id=corp_id,
        agent_id=agent_id,
        secret=_letters(43),
        token=_letters(24),
        encoding_aes_key=_letters(43),
        callback_url=callback_url,
        name=name,
    )


def invent_bot(
    *, corp_id: str = "ww0simulator000000", agent_id: int = 0, callback_url: str = "", name: str = "webot"
) -> App:
    """Make an AI bot with fresh secrets; with a callback URL it is called there and has no connection.

    `agent_id` 0 is a number that no app made here has.
    """
    app = invent_app(corp_id=corp_id, agent_id=agent_id or next(_BOT_NUMBERS), callback_url=callback_url, name=name)
    return replace(app, bot_id=f"aib{_letters(32)}")


@dataclass(frozen=True, slots=True)
class ApiLimits:
    """What WeCom allows one app, and how much the simulator remembers; 0 lifts a frequency limit."""

    per_minute: int = 30
    """Messages of one app one member gets in a minute; more are dropped without an error (wecom-protocol.md 4)."""
    per_hour: int = 1000
    """The same for an hour."""
    token_seconds: int = 7200
    """How long an access token holds."""
    kept_messages: int = 200
    """How many messages one member's phone keeps of one app; older ones are only counted."""
    kept_media_bytes: int = 256 * 1024 * 1024
    """How many bytes of media are kept; the oldest go first."""


def _letters(count: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(count))
