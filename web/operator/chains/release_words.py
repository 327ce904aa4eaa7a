"""What is said of releases, in any language: the shell prints it, the API and the pages show it."""

from collections.abc import Sequence

from pipeline.revisions import WHOLE_SHARE
from pipeline.text.i18n import Catalogue
from pipeline.text.stored_sentences import stored_in_language
from web.operator.chains.publishing import PATIENCE, Published


def service_line(live: int, count: int, words: Catalogue, *, known: bool = True) -> str:
    """Return on how many of the service's machines something is so, where it is known which there are."""
    if not known:
        return words.text("chains.service_unknown")
    return words.text("chains.service_live", live=live, all=count) if count else words.text("chains.service_none")


def name_people(share: int, users: Sequence[str], words: Catalogue) -> str:
    """Return to whom something is released."""
    if share == WHOLE_SHARE:
        return words.text("chains.everybody")
    named = ", ".join(users)
    if share and named:
        return words.text("chains.and", first=words.text("chains.share", share=share), second=named)
    return words.text("chains.share", share=share) if share else named


def _said(wrong: str, words: Catalogue) -> str:
    return stored_in_language(wrong, words) or words.text("chains.superseded")


def published_line(name: str, revision: str, whom: str, published: Published, words: Catalogue) -> str:
    """Return what became of a release."""
    say = words.text
    service = service_line(len(published.live), published.machines, words)
    if published.took_effect:
        kind = "already" if published.repeated else "answers" if published.machines else "answers_soon"
        return say(f"chains.{kind}", name=name, revision=revision, whom=whom, service=service)
    if published.undone:
        reasons = dict.fromkeys(_said(wrong, words) for wrong in published.refused.values())
        return say("chains.refused", name=name, revision=revision, said="; ".join(reasons))
    return say("chains.partly", name=name, revision=revision, service=service)


def doubt_lines(published: Published, words: Catalogue) -> list[str]:
    """Return which machines have not taken a release over, and why."""
    say = words.text
    found = [
        say("chains.refused_line", host=host, said=_said(wrong, words)) for host, wrong in published.refused.items()
    ]
    if late := published.late:
        hosts = ", ".join(sorted({machine.host for machine in late}))
        seconds = f"{PATIENCE:g}"
        found.append(say("chains.late_line", count=len(late), all=published.machines, seconds=seconds, hosts=hosts))
    return found
