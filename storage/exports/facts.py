"""What stands at the head of a transcript, and beside each message: who, when, how it was made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.words import Words
from storage.exports.records import Message, Talk, Transcript

ASSISTANT = "webot"
"""How answers are signed."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A transcript's head in words; `small_print` is what few readers need."""

    title: str
    lines: tuple[str, ...]
    small_print: str


def facts(transcript: Transcript, words: Words) -> Facts:
    """Gather what the head says."""
    talk, messages = transcript.talk, transcript.messages
    first, last = (messages[0].at, messages[-1].at) if messages else (talk.started_at, talk.last_at)
    lines = [
        words.say("document.who", user=talk.user, assistant=ASSISTANT, channel=talk.channel, number=talk.number),
        words.say("document.when", start=stamp(first), end=stamp(last), messages=len(messages)),
    ]
    if talk.persona:
        lines.append(words.say("document.persona", persona=" ".join(talk.persona.split())))
    models = _distinct(message.model for message in messages)
    chains = _distinct(f"{message.chain} @ {message.revision}" for message in messages if message.chain)
    made = words.say("document.made", models=", ".join(models), chains=", ".join(chains)) if models or chains else ""
    return Facts(title(talk, words), tuple(lines), made)


def title(talk: Talk, words: Words) -> str:
    """Name a conversation."""
    return talk.title or words.say("document.untitled", number=talk.number)


def title_of_all(transcripts: Sequence[Transcript], words: Words) -> str:
    """Name a document of one conversation or several."""
    if len(transcripts) == 1:
        return title(transcripts[0].talk, words)
    return words.say("document.several", conversations=len(transcripts))


def speaker(talk: Talk, message: Message) -> str:
    """Say who said it."""
    return talk.user if message.role == "human" else ASSISTANT


def tools(message: Message, words: Words) -> str:
    """Say what was used on the way to an answer; empty for most."""
    if not message.tools:
        return ""
    used = [
        words.say(
            f"document.tool_{tool.outcome}",
            tool=" ".join(f"{tool.name} {tool.arguments}".split()),
            milliseconds=tool.milliseconds,
        )
        for tool in message.tools
    ]
    return words.say("document.tools", tools=" · ".join(used))


def stamp(at: float) -> str:
    """Write a time as this machine's clock on the wall shows it, to the minute."""
    return datetime.fromtimestamp(at, UTC).astimezone().strftime("%Y-%m-%d %H:%M")


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for name in names if name))
