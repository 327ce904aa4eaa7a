"""An immutable catalogue of chains. A turn takes one and keeps it to its end: no edit changes half a turn."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from chains.catalog.advice import advice, missing_targets
from chains.catalog.config import ChainConfig
from chains.catalog.requirements import Check
from pipeline.errors import ChainInvalid
from pipeline.events import Person
from pipeline.text.command_line import read_command_line
from pipeline.text.folding import casefold_nfkc
from pipeline.text.i18n import Sentence


@dataclass(frozen=True, slots=True)
class PartialRelease:
    """A revision that a part of the people meets first: `share` of a hundred, and the users named."""

    chain: ChainConfig
    share: int = 0
    users: frozenset[str] = frozenset()

    def includes(self, person: Person) -> bool:
        """Whether somebody is among them; the answer stays the same for as long as the revision is tried.

        Each revision draws anew: else the same people would meet every experiment.
        """
        if person.user.casefold() in self.users:
            return True
        drawn = hashlib.sha256(f"{self.chain.name}/{self.chain.revision}/{person}".encode()).digest()
        return int.from_bytes(drawn[:4], "big") % 100 < self.share


@dataclass(frozen=True, slots=True)
class ChainCall:
    """A chain called by its command: the chain's name, the word, folded, and what follows it."""

    chain: str
    word: str
    rest: str


@dataclass(frozen=True)
class ChainCatalog:
    """Chains by their names, with what is being tried out beside them: other revisions, and chains not yet released."""

    chains: Mapping[str, ChainConfig]
    trials: Mapping[str, PartialRelease] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    """What somebody has to put right: files that are not in use, and chains in use that lack something."""
    warnings: tuple[str, ...] = ()
    """What deserves a second look."""

    @cached_property
    def _keywords(self) -> tuple[tuple[str, str, bool], ...]:
        pairs = [
            (casefold_nfkc(keyword), name, on_trial)
            for chains, on_trial in ((self.chains, False), (self._tried, True))
            for name, chain in chains.items()
            for keyword in chain.keywords
        ]
        # The longest one found decides, then the chain's name.
        return tuple(sorted(pairs, key=lambda pair: (-len(pair[0]), *pair)))

    @cached_property
    def _words(self) -> Mapping[str, str]:
        return _names_by_word(self.chains)

    @cached_property
    def _trial_words(self) -> Mapping[str, str]:
        return _names_by_word(self._tried)

    @property
    def _tried(self) -> Mapping[str, ChainConfig]:
        return {name: trial.chain for name, trial in self.trials.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """Return the chains' names, sorted."""
        return tuple(sorted(self.chains))

    def chain(self, name: str, person: Person | None = None) -> ChainConfig:
        """Return a chain as it is now, for somebody; `ChainInvalid` names the ones there are."""
        chain = self.version(name, person)
        if chain is None:
            raise ChainInvalid(Sentence("mistake.no_chain", found=name, known=", ".join(self.names)))
        return chain

    def version(self, name: str, person: Person | None = None) -> ChainConfig | None:
        """Return a chain as `chain` does, None for one that is not there for somebody."""
        trial = self.trials.get(name)
        if trial is not None and person is not None and trial.includes(person):
            return trial.chain
        return self.chains.get(name)

    def every_version(self) -> Iterator[ChainConfig]:
        """Yield every chain, and every other revision of one that is tried."""
        yield from (self.chains[name] for name in self.names)
        yield from (self.trials[name].chain for name in sorted(self.trials))

    def by_command(self, line: str, person: Person) -> ChainCall | None:
        """Return the chain whose command a line begins with, and what follows; None for one not offered."""
        found = read_command_line(line, _WordsFor(self, person), lambda _word, rest: not rest.startswith("."))
        name = self.called(found.name, person) if found is not None else ""
        chain = self.version(name, person) if name else None
        if found is None or chain is None or not chain.offered_to(person):
            return None
        return ChainCall(name, found.name, found.rest)

    def called(self, word: str, person: Person) -> str:
        """Name the chain that a folded word calls, as somebody has it; empty for none."""
        for name in (self._trial_words.get(word), self._words.get(word)):
            chain = self.version(name, person) if name is not None else None
            if chain is not None and word in map(casefold_nfkc, chain.words):
                return chain.name
        return ""

    def by_keyword(self, text: str, person: Person) -> str:
        """Name the chain whose keyword a message contains; empty for none that is offered to its sender."""
        if not self._keywords:
            return ""
        looked_at = casefold_nfkc(text)
        return next(
            (
                name
                for keyword, name, on_trial in self._keywords
                if keyword in looked_at and self._is_offered(name, person, on_trial=on_trial)
            ),
            "",
        )

    def offered(self, person: Person) -> tuple[ChainConfig, ...]:
        """Return the chains with a command that somebody may use, by their commands."""
        found = (self.version(name, person) for name in {*self.chains, *self.trials})
        mine = (chain for chain in found if chain is not None and chain.command and chain.offered_to(person))
        return tuple(sorted(mine, key=lambda chain: chain.command))

    def with_trials(self, trials: Mapping[str, PartialRelease]) -> "ChainCatalog":
        """Return the same chains with other trials beside them."""
        return ChainCatalog(self.chains, trials, self.problems, self.warnings)

    def _is_offered(self, name: str, person: Person, *, on_trial: bool) -> bool:
        trial = self.trials.get(name)
        chain = self.version(name, person)
        if chain is None or (trial is not None and (chain is trial.chain) is not on_trial):
            return False
        return chain.offered_to(person)


@dataclass(frozen=True, slots=True)
class _WordsFor:
    """The words that call a chain, as somebody has the chains."""

    catalog: ChainCatalog
    person: Person

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self.catalog.called(word, self.person) != ""


def build_catalog(
    found: Mapping[str, ChainConfig],
    *,
    previous: Mapping[str, ChainConfig],
    check: Check,
    reserved: Iterable[str],
    problems: Iterable[str],
    warnings: Iterable[str] = (),
    place: Callable[[str, str], str] = lambda name, wrong: Sentence("mistake.of_chain", chain=name, said=wrong),
) -> ChainCatalog:
    """Make a catalogue of the chains found; where one cannot be used, the one `previous` goes on answering.

    `reserved` are the words of webot's own commands; `place` says of which chain, file and line something is wrong.
    """
    taken = words_of((), reserved)
    chains: dict[str, ChainConfig] = {}
    noted = list(problems)
    # What has not changed keeps its words: it is the new one that has to give way.
    for name in sorted(found, key=lambda name: (found[name] is not previous.get(name), name)):
        for chain in (found[name], previous.get(name)):
            if chain is None:
                continue
            wrong = check(chain) or claimed_words(chain, taken)
            if not wrong:
                chains[name] = chain
                taken |= words_of((chain,), ())
                break
            if chain is found[name]:
                noted.append(place(name, wrong))
    # Such a chain goes on answering: it is only the others that cannot be handed to.
    noted += [place(name, wrong) for name, wrong in missing_targets(chains)]
    advised = [*warnings, *(place(name, wrong) for name, wrong in advice(chains))]
    return ChainCatalog(chains, problems=tuple(noted), warnings=tuple(advised))


def words_of(chains: Iterable[ChainConfig], reserved: Iterable[str]) -> dict[str, Sentence]:
    """Return the words that are somebody's already, folded, with whose they are."""
    taken = {casefold_nfkc(word): Sentence("mistake.owner_webot") for word in reserved}
    for chain in chains:
        owner = Sentence("mistake.owner_chain", name=chain.name)
        taken |= {casefold_nfkc(word): owner for word in chain.words}
    return taken


def _names_by_word(chains: Mapping[str, ChainConfig]) -> Mapping[str, str]:
    return {casefold_nfkc(word): name for name, chain in chains.items() for word in chain.words}


def claimed_words(chain: ChainConfig, taken: Mapping[str, Sentence]) -> str:
    """Return which of a chain's words is somebody else's; nothing if none is."""
    for word in chain.words:
        if (owner := taken.get(casefold_nfkc(word))) is not None:
            said = Sentence("mistake.claimed", found=word, owner=owner)
            return Sentence("mistake.keyed", key="command, aliases", said=said)
    return ""
