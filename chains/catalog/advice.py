"""What a chain that can be used may still have wrong: told, and nobody is kept from using it."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from chains.catalog.config import ChainConfig
from chains.catalog.diagnostics import key_name
from chains.catalog.options import unknown_options
from chains.catalog.templates import TEXT, VARIABLES
from pipeline.text.command_line import PUNCTUATION
from pipeline.text.folding import casefold_nfkc
from pipeline.text.i18n import Sentence

MANY_TOKENS = 8000
"""What a chain may say before every question without a word about its price."""

# A variable as other programs write it; webot's are {{ user }}.
_ONE_BRACE = re.compile(rf"(?<![{{$])\{{ *({'|'.join((*VARIABLES, TEXT))}) *\}}(?!\}})")


def advice(chains: Mapping[str, ChainConfig]) -> Iterator[tuple[str, Sentence]]:
    """Yield what deserves a second look, each with the name of its chain."""
    keywords: dict[str, list[str]] = defaultdict(list)
    for name, chain in sorted(chains.items()):
        for keyword in dict.fromkeys(map(casefold_nfkc, chain.keywords)):
            keywords[keyword].append(name)
    for name, chain in sorted(chains.items()):
        for wrong in _of_one(chain, chains):
            yield name, wrong
        for keyword in chain.keywords:
            for other in keywords[casefold_nfkc(keyword)]:
                if other != name and _meet(chain, chains[other]):
                    winner = min(name, other)
                    said = Sentence("mistake.same_keyword", keyword=keyword, other=other, winner=winner)
                    yield name, Sentence("mistake.keyed", key="keywords", said=said)


def missing_targets(chains: Mapping[str, ChainConfig]) -> Iterator[tuple[str, Sentence]]:
    """Yield the chains handed to that are not there, each with the name of the chain that names it."""
    for name, chain in sorted(chains.items()):
        for other in chain.hands_to:
            if other not in chains:
                said = Sentence("mistake.hands_to_nobody", found=other, known=", ".join(sorted(chains)))
                yield name, Sentence("mistake.keyed", key="hands_to", said=said)


def is_in_use(problem: str) -> bool:
    """Whether the chain that a problem is about answers all the same as its file says, or as it last said."""
    return innermost(problem) in {"mistake.hands_to_nobody", "mistake.file_gone", "mistake.folder_away"}


def innermost(problem: str) -> str:
    """Return the key of the sentence that says what is wrong, without those that say where."""
    key = ""
    inner: object = problem
    while isinstance(inner, Sentence):
        key = inner.key
        inner = inner.values.get("said")
    return key


def _of_one(chain: ChainConfig, chains: Mapping[str, ChainConfig]) -> Iterator[Sentence]:
    for other in chain.hands_to:
        if other in chains and not chains[other].description.strip():
            said = Sentence("mistake.hands_to_silent", found=other)
            yield Sentence("mistake.keyed", key="hands_to", said=said)
    yield from _slips(chain)
    for path, said in unknown_options(chain.options):
        yield Sentence("mistake.keyed", key=key_name(path), said=said)
    if chain.prompt_tokens > MANY_TOKENS:
        said = Sentence("mistake.many_tokens", tokens=f"{chain.prompt_tokens:,}")
        yield Sentence("mistake.keyed", key="system_prompt" if chain.system_prompt else "examples", said=said)


def _meet(one: ChainConfig, other: ChainConfig) -> bool:
    """Whether there may be somebody to whom the keywords of both are offered."""
    channels = not (one.channels and other.channels) or not {*one.channels}.isdisjoint(other.channels)
    if one.is_for_everybody or other.is_for_everybody:
        return channels
    return channels and not {user.casefold() for user in one.users}.isdisjoint(user.casefold() for user in other.users)


def _slips(chain: ChainConfig) -> Iterator[Sentence]:
    """Yield what is most likely not meant as it is written."""
    for key, word in [("command", chain.command), *(("aliases", alias) for alias in chain.aliases)]:
        if word and word[-1] in PUNCTUATION:
            yield Sentence("mistake.keyed", key=key, said=Sentence("mistake.command_end", found=word, end=word[-1]))
    for key in ("system_prompt", "template", "welcome"):
        for name in dict.fromkeys(_ONE_BRACE.findall(getattr(chain, key))):
            yield Sentence("mistake.keyed", key=key, said=Sentence("mistake.one_brace", name=name))
    for number, case in enumerate(chain.cases, 1):
        for word in case.contains:
            if any(casefold_nfkc(other) in casefold_nfkc(word) for other in case.not_contains):
                said = Sentence("mistake.case_impossible", found=word)
                yield Sentence("mistake.keyed", key=f"cases.{number}.not_contains", said=said)
