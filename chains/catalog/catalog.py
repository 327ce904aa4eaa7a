"""An immutable catalogue of chains. A turn takes one and keeps it to its end: no edit changes half a turn."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from chains.catalog.config import ChainConfig
from pipeline.errors import ChainInvalid
from pipeline.events import Person
from pipeline.text.command_line import read_command_line
from pipeline.text.folding import casefold_nfkc

Check = Callable[[ChainConfig], str]
"""Says what keeps a chain from being used here, such as a model that is not set up; nothing if all is well."""


@dataclass(frozen=True, slots=True)
class PartialRelease:
    """A revision that a part of the people meets first: `share` of a hundred, and the users named."""

    chain: ChainConfig
    share: int = 0
    users: frozenset[str] = frozenset()

    def includes(self, person: Person) -> bool:
        """Whether somebody is among them; the answer stays the same from message to message."""
        if person.user.casefold() in self.users:
            return True
        drawn = hashlib.sha256(f"{self.chain.name}/{person}".encode()).digest()
        return int.from_bytes(drawn[:4], "big") % 100 < self.share


@dataclass(frozen=True, slots=True)
class ChainCall:
    """A chain called by its command: the chain's name, the word, folded, and what follows it."""

    chain: str
    word: str
    rest: str


@dataclass(frozen=True)
class ChainCatalog:
    """Chains by their names, with what is being tried out beside them."""

    chains: Mapping[str, ChainConfig]
    trials: Mapping[str, PartialRelease] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    """What is wrong with files that are therefore not in use."""
    _keywords: tuple[tuple[str, str], ...] = field(init=False, default=())
    _words: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        pairs = ((casefold_nfkc(keyword), name) for name, chain in self.chains.items() for keyword in chain.keywords)
        # The longest one found decides, then the chain's name.
        object.__setattr__(self, "_keywords", tuple(sorted(pairs, key=lambda pair: (-len(pair[0]), *pair))))
        self._words.update({casefold_nfkc(word): name for name, chain in self.chains.items() for word in chain.words})

    @property
    def names(self) -> tuple[str, ...]:
        """Return the chains' names, sorted."""
        return tuple(sorted(self.chains))

    def chain(self, name: str, person: Person | None = None) -> ChainConfig:
        """Return a chain as it is now, for somebody; `ChainInvalid` names the ones there are."""
        try:
            chain = self.chains[name]
        except KeyError:
            raise ChainInvalid(f"there is no chain {name!r}; there are {', '.join(self.names)}") from None
        trial = self.trials.get(name)
        return trial.chain if trial is not None and person is not None and trial.includes(person) else chain

    def by_command(self, line: str, person: Person) -> ChainCall | None:
        """Return the chain whose command a line begins with, and what follows; None for one not offered."""
        found = read_command_line(line, self._words, lambda _word, _rest: True)
        name = self._words[found.name] if found is not None else ""
        if found is None or not self.chains[name].offered_to(person):
            return None
        return ChainCall(name, found.name, found.rest)

    def by_keyword(self, text: str, person: Person) -> str:
        """Name the chain whose keyword a message contains; empty for none that is offered to its sender."""
        if not self._keywords:
            return ""
        looked_at = casefold_nfkc(text)
        hits = (name for keyword, name in self._keywords if keyword in looked_at)
        return next((name for name in hits if self.chains[name].offered_to(person)), "")

    def offered(self, person: Person) -> tuple[ChainConfig, ...]:
        """Return the chains with a command that somebody may use, by their commands."""
        mine = (chain for chain in self.chains.values() if chain.command and chain.offered_to(person))
        return tuple(sorted(mine, key=lambda chain: chain.command))

    def with_trials(self, trials: Mapping[str, PartialRelease]) -> "ChainCatalog":
        """Return the same chains with other trials beside them; one of a chain that is gone is left out."""
        return ChainCatalog(
            self.chains, {name: trial for name, trial in trials.items() if name in self.chains}, self.problems
        )


def build_catalog(
    found: Mapping[str, ChainConfig],
    *,
    previous: Mapping[str, ChainConfig],
    check: Check,
    reserved: Iterable[str],
    problems: Iterable[str],
    place: Callable[[str, str], str] = lambda _name, _wrong: "",
) -> ChainCatalog:
    """Make a book of the chains found; where one cannot be used, the one `previous` goes on answering.

    `reserved` are the words of webot's own commands; `place` names the file and line of what is wrong with a chain.
    """
    taken = {casefold_nfkc(word): "webot itself" for word in reserved}
    chains: dict[str, ChainConfig] = {}
    told = list(problems)
    # What has not changed keeps its words: it is the new one that has to give way.
    for name in sorted(found, key=lambda name: (found[name] is not previous.get(name), name)):
        for chain in (found[name], previous.get(name)):
            if chain is None:
                continue
            wrong = check(chain) or _claimed_words(chain, taken)
            if not wrong:
                chains[name] = chain
                taken |= {casefold_nfkc(word): f"the chain {name!r}" for word in chain.words}
                break
            if chain is found[name]:
                told.append(f"{place(name, wrong)}chain {name!r}: {wrong}")
    # Such a chain goes on answering: it is only the others that cannot be handed to.
    for name, chain in sorted(chains.items()):
        for other in chain.hands_to:
            if other not in chains:
                wrong = f"hands_to: there is no chain {other!r}; there are {', '.join(sorted(chains))}"
                told.append(f"{place(name, wrong)}chain {name!r}: {wrong}")
    return ChainCatalog(chains, problems=tuple(told))


def _claimed_words(chain: ChainConfig, taken: Mapping[str, str]) -> str:
    for word in chain.words:
        if (owner := taken.get(casefold_nfkc(word))) is not None:
            return f"command, aliases: {word!r} is the word of {owner}; choose another"
    return ""
