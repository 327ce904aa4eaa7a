"""Edits while the service runs, on one machine and on two."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chains.catalog.catalog import ChainCatalog
from chains.catalog.config import ChainConfig
from chains.catalog.files import ChainFiles, ChainRequirements
from chains.catalog.sync import ChainSync, live_chains
from pipeline.events import Person
from pipeline.revisions import ChainRevision
from storage.conversations.chain_revisions import RevisionStore
from storage.database.engine import Database


class Machine:
    """A folder of chains with its keeper, over a database."""

    def __init__(self, folder: Path, database: Database, *, shared: bool, before: list[ChainConfig]) -> None:
        self.revisions = RevisionStore(database)
        catalog = ChainCatalog({chain.name: chain for chain in before})
        self.chain_files = ChainFiles(
            (folder / "shipped", folder / "own"),
            requirements=ChainRequirements(self.check),
            reserved=("@help",),
            catalog=catalog,
        )
        self.served: list[ChainCatalog] = []
        self.sync = ChainSync(self.chain_files, self.revisions, shared=shared, serve=self.served.append)

    @staticmethod
    def check(chain: ChainConfig) -> str:
        return "" if chain.model == "default" else "model: not here"

    async def write(self, name: str, text: str) -> None:
        await asyncio.to_thread(self.chain_files.own(name).write_text, text, encoding="utf-8")

    async def text(self, name: str) -> str:
        file = self.chain_files.own(name)
        return await asyncio.to_thread(lambda: file.read_text(encoding="utf-8") if file.exists() else "")

    def says(self, name: str, person: Person | None = None) -> str:
        catalog = self.chain_files.catalog
        return catalog.chain(name, person).system_prompt if name in catalog.chains else ""


async def settle(*machines: Machine) -> None:
    """Let each machine look as often as an edit of one needs to reach all."""
    for _ in range(4):
        for each in machines:
            await each.sync.poll()


def prompt(said: str) -> str:
    return f'# by hand\nsystem_prompt = "{said}"\n'


@asynccontextmanager
async def machine(folder: Path, database: Database, *, shared: bool = False) -> AsyncIterator[Machine]:
    """Start a machine whose webot ships the chain `default`."""
    before = live_chains(await RevisionStore(database).standing())

    def open_machine() -> Machine:
        (folder / "own").mkdir(parents=True, exist_ok=True)
        (folder / "shipped").mkdir(exist_ok=True)
        (folder / "shipped" / "default.toml").write_text(prompt("shipped"), encoding="utf-8")
        opened = Machine(folder, database, shared=shared, before=before)
        opened.chain_files.load()
        return opened

    opened = await asyncio.to_thread(open_machine)
    await opened.sync.start()
    try:
        yield opened
    finally:
        await opened.sync.close()


async def test_an_edit_is_live_and_in_the_history(tmp_path: Path, database: Database) -> None:
    async with machine(tmp_path, database) as it:
        await it.write("hr", prompt("one"))
        await settle(it)
        assert "one" == it.says("hr")
        await it.write("hr", prompt("the other"))
        await settle(it)
        assert "the other" == it.says("hr")
        history = await it.revisions.history("hr")

    assert [prompt("the other"), prompt("one")] == [release.draft.content for release in history]
    assert history[0].draft.author


async def test_an_edit_is_served_while_the_database_is_away(tmp_path: Path, database: Database) -> None:
    async with machine(tmp_path, database) as it:
        await it.write("hr", prompt("one"))
        await it.sync.poll()
        async with database.write() as connection:
            await connection.execute(text("ALTER TABLE chain_revisions RENAME TO away"))
        with pytest.raises(DBAPIError):
            await it.sync.poll()
        served = it.served[-1]
        async with database.write() as connection:
            await connection.execute(text("ALTER TABLE away RENAME TO chain_revisions"))
        await it.sync.poll()

        assert "one" == served.chain("hr").system_prompt
        assert [prompt("one")] == [release.draft.content for release in await it.revisions.history("hr")]


async def test_what_webot_ships_is_known_by_its_revision(tmp_path: Path, database: Database) -> None:
    async with machine(tmp_path, database) as it:
        revision = it.chain_files.catalog.chain("default").revision

        assert [prompt("shipped")] == [draft.content for draft in await it.revisions.find("default", revision)]
        assert 0 == await it.revisions.latest()


async def test_a_broken_edit_is_not_released_and_a_restart_goes_on_with_the_last_good_one(
    tmp_path: Path, database: Database
) -> None:
    async with machine(tmp_path, database) as it:
        await it.write("hr", prompt("good"))
        await settle(it)
        await it.write("hr", "= broken")
        await settle(it)
        assert it.chain_files.catalog.problems

        assert "good" == it.says("hr")
    async with machine(tmp_path, database) as it:
        assert "good" == it.says("hr")
        assert it.chain_files.catalog.problems
        assert 1 == len(await it.revisions.history("hr"))


async def test_a_chain_that_cannot_work_here_is_not_released(tmp_path: Path, database: Database) -> None:
    async with machine(tmp_path, database) as it:
        await it.write("hr", 'model = "big"')
        await settle(it)
        assert it.chain_files.catalog.problems

        assert [] == await it.revisions.history("hr")


async def test_a_file_taken_away_is_a_release_too(tmp_path: Path, database: Database) -> None:
    async with machine(tmp_path, database) as it:
        await it.write("hr", prompt("one"))
        await settle(it)
        await asyncio.to_thread(it.chain_files.own("hr").unlink)
        await settle(it)

        assert "" == it.says("hr")
    async with machine(tmp_path, database) as it:
        assert "" == it.says("hr")
        assert 2 == len(await it.revisions.history("hr"))


async def test_a_release_made_elsewhere_is_written_into_the_file(tmp_path: Path, database: Database) -> None:
    async with machine(tmp_path / "a", database, shared=True) as a, machine(tmp_path / "b", database, shared=True) as b:
        await a.write("hr", prompt("one"))
        await settle(a, b)
        assert "one" == b.says("hr")
        assert prompt("one") == await b.text("hr")

        await b.write("hr", prompt("from b"))
        await settle(a, b)
        assert "from b" == a.says("hr")
        await asyncio.to_thread(a.chain_files.own("hr").unlink)
        await settle(a, b)
        assert "" == b.says("hr")

        assert "" == await b.text("hr")
        assert 3 == len(await a.revisions.history("hr"))


async def test_every_process_follows_a_release_at_its_next_look(tmp_path: Path, database: Database) -> None:
    ann, bob = Person("wecom", "ann"), Person("wecom", "bob")
    async with machine(tmp_path / "a", database, shared=True) as a, machine(tmp_path / "b", database, shared=True) as b:
        both = (a, b)
        shell = RevisionStore(database)
        await shell.release(ChainRevision("hr", "one", prompt("one")))
        for each in both:
            await each.sync.poll()
        assert ["one", "one"] == [each.says("hr", bob) for each in both]
        assert [prompt("one")] * 2 == [await each.text("hr") for each in both]

        await shell.release(ChainRevision("hr", "two", prompt("two")), share=0, users=["ann"])
        for each in both:
            await each.sync.poll()
        assert [("two", "one")] * 2 == [(each.says("hr", ann), each.says("hr", bob)) for each in both]

        await shell.release(ChainRevision("hr", "", ""))
        for each in both:
            await each.sync.poll()
        assert ["", ""] == [each.says("hr", bob) for each in both]
        assert ["", ""] == [await each.text("hr") for each in both]


async def test_a_machine_that_was_down_catches_up_and_does_not_undo(tmp_path: Path, database: Database) -> None:
    async with machine(tmp_path / "b", database, shared=True) as b:
        await b.write("hr", prompt("old"))
        await settle(b)
    async with machine(tmp_path / "a", database, shared=True) as a:
        assert "old" == a.says("hr")
        await a.write("hr", prompt("new"))
        await settle(a)
    async with machine(tmp_path / "b", database, shared=True) as b:
        assert "new" == b.says("hr")
        assert prompt("new") == await b.text("hr")
        assert 2 == len(await b.revisions.history("hr"))


async def test_what_was_edited_while_the_service_was_down_is_an_edit(tmp_path: Path, database: Database) -> None:
    async with machine(tmp_path, database) as it:
        await it.write("hr", prompt("one"))
        await settle(it)
        await it.write("hr", prompt("another"))
        await settle(it)
    (tmp_path / "own" / "hr.toml").write_text(prompt("one"), encoding="utf-8")
    async with machine(tmp_path, database) as it:
        assert "one" == it.says("hr")
        assert 3 == len(await it.revisions.history("hr"))


async def test_a_trial_meets_whom_it_is_for_until_it_is_released(tmp_path: Path, database: Database) -> None:
    ann, bob = Person("wecom", "Ann"), Person("wecom", "bob")
    async with machine(tmp_path, database) as it:
        await it.revisions.release(ChainRevision("default", "new", prompt("new")), share=0, users=["ann"])
        await settle(it)
        assert "new" == it.says("default", ann)
        assert "shipped" == it.says("default", bob)

        await it.revisions.release(ChainRevision("default", "bad", 'model = "big"'), share=50)
        await settle(it)
        assert "shipped" == it.says("default", ann)


async def test_an_edit_does_not_end_a_trial_of_another_chain(tmp_path: Path, database: Database) -> None:
    ann = Person("wecom", "ann")
    async with machine(tmp_path, database) as it:
        await it.revisions.release(ChainRevision("default", "new", prompt("new")), share=0, users=["ann"])
        await settle(it)
        assert "new" == it.says("default", ann)
        await it.write("hr", prompt("one"))
        await settle(it)
        assert "one" == it.says("hr")

        assert "new" == it.says("default", ann)


async def test_a_release_that_this_webot_does_not_understand_leaves_the_file_alone(
    tmp_path: Path, database: Database
) -> None:
    async with machine(tmp_path, database, shared=True) as it:
        await it.write("hr", prompt("one"))
        await settle(it)
        await it.revisions.release(ChainRevision("hr", "later", "key_of_a_later_webot = 1"))
        await it.revisions.release(ChainRevision("../hr", "outside", prompt("outside")))
        await settle(it)
        await it.write("other", prompt("an edit that makes it look at everything"))
        await settle(it)

        assert "one" == it.says("hr")
        assert prompt("one") == await it.text("hr")
        assert 2 == len(await it.revisions.history("hr"))
        assert 1 == len(await it.revisions.history("../hr"))
        assert not await asyncio.to_thread((tmp_path / "hr.toml").exists)
    async with machine(tmp_path, database, shared=True) as it:
        await settle(it)

        assert 2 == len(await it.revisions.history("hr"))
        await it.write("hr", prompt("edited here"))
        await settle(it)
        assert 3 == len(await it.revisions.history("hr"))
