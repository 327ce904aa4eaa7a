"""Revisions and releases of chains, on both databases."""

from pipeline.revisions import ChainRelease, ChainRevision, ReleaseState
from storage.conversations.chain_revisions import RevisionStore
from storage.database.engine import Database

ONE = ChainRevision("hr", "111111111111", 'system_prompt = "one"', "ann", "first")
TWO = ChainRevision("hr", "222222222222", 'system_prompt = "two 😀"', "bob")
GONE = ChainRevision("hr", "", "")


def release_pair(standing: ReleaseState) -> tuple[str | None, str | None]:
    """Give the revisions that stand."""

    def revision(release: ChainRelease | None) -> str | None:
        return None if release is None else release.draft.revision

    return revision(standing.live), revision(standing.trial)


async def test_a_release_is_found_again_as_it_was_made(database: Database) -> None:
    revisions = RevisionStore(database)
    await revisions.release(ONE)
    standing = await revisions.standing()

    live = standing["hr"].live
    assert live is not None
    assert (ONE, 100, (), True) == (live.draft, live.share, live.users, live.whole)
    assert live.number == await revisions.latest()


async def test_releasing_what_stands_already_is_nothing_new(database: Database) -> None:
    revisions = RevisionStore(database)
    await revisions.release(ONE)
    await revisions.release(ONE)

    assert 1 == len(await revisions.history("hr"))


async def test_a_revision_keeps_its_first_author_and_its_content_for_ever(database: Database) -> None:
    revisions = RevisionStore(database)
    await revisions.release(ONE)
    await revisions.release(TWO)
    await revisions.release(ChainRevision("hr", ONE.revision, "# again\n" + ONE.content, "eve", "back"))

    assert [ONE] == await revisions.find("hr", "1111")
    assert [("eve", "back"), ("bob", ""), ("ann", "first")] == [
        (release.draft.author, release.draft.note) for release in await revisions.history("hr")
    ]
    assert ("111111111111", None) == release_pair((await revisions.standing())["hr"])


async def test_a_trial_stands_beside_what_everybody_gets_until_the_next_whole_release(database: Database) -> None:
    revisions = RevisionStore(database)
    await revisions.release(ONE)
    await revisions.release(TWO, share=10, users=["ann", "bob"])
    standing = (await revisions.standing())["hr"]

    assert ("111111111111", "222222222222") == release_pair(standing)
    assert standing.trial is not None
    assert (10, ("ann", "bob"), False) == (standing.trial.share, standing.trial.users, standing.trial.whole)

    await revisions.release(TWO)

    assert ("222222222222", None) == release_pair((await revisions.standing())["hr"])


async def test_a_trial_may_come_before_anything_else(database: Database) -> None:
    revisions = RevisionStore(database)
    await revisions.release(TWO, share=10)

    assert (None, "222222222222") == release_pair((await revisions.standing())["hr"])


async def test_a_chain_that_was_taken_away_stands_as_taken_away(database: Database) -> None:
    revisions = RevisionStore(database)
    await revisions.release(ONE)
    await revisions.release(GONE)

    assert ("", None) == release_pair((await revisions.standing())["hr"])


async def test_revisions_are_known_by_chain(database: Database) -> None:
    revisions = RevisionStore(database)
    await revisions.keep([ONE, TWO])
    await revisions.keep([])

    assert await revisions.known("hr", "111111111111")
    assert not await revisions.known("it", "111111111111")
    assert not await revisions.known("hr", "1111")
    assert 0 == await revisions.latest()
    assert [] == await revisions.find("hr", "%")
