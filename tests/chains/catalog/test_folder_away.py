"""A folder of chains that vanishes, empties, cannot be read or returns: nobody is harmed, on one machine or on two."""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from chains.catalog.folder import better_name, is_meant, look
from pipeline.revisions import ChainRevision
from storage.database.engine import Database
from tests.chains.catalog.test_files import chain_files, write
from tests.chains.catalog.test_files import settle as look_twice
from tests.chains.catalog.test_sync import Machine, machine, prompt, settle

NAMES = ("hr", "it", "law")


def own(it: Machine) -> Path:
    return it.chain_files.folders[-1]


async def fill(it: Machine) -> None:
    for name in NAMES:
        await it.write(name, prompt(f"{name} one"))


def says_all(it: Machine, revision: str = "one") -> bool:
    return all(it.says(name) == f"{name} {revision}" for name in NAMES)


def vanish(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def be_emptied(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("elsewhere"))
    for file in folder.iterdir():
        file.unlink()


def be_a_bare_mount_point(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.mkdir()


def be_a_file(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("no folder")


def come_back(folder: Path) -> None:
    if folder.is_dir():
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)
    folder.with_name("elsewhere").rename(folder)


WAYS = pytest.mark.parametrize("lose", [vanish, be_emptied, be_a_bare_mount_point, be_a_file])


@WAYS
async def test_a_folder_that_is_away_deletes_nothing_and_is_told(
    lose: Callable[[Path], None], tmp_path: Path, database: Database
) -> None:
    shared = database.shared
    async with (
        machine(tmp_path / "a", database, shared=shared) as a,
        machine(tmp_path / "b", database, shared=shared) as b,
    ):
        machines = (a, b) if shared else (a,)
        await fill(a)
        await settle(*machines)
        before = [len(await a.revisions.history(name)) for name in NAMES]
        with capture_logs() as logs:
            await asyncio.to_thread(lose, own(a))
            await settle(*machines)

        assert all(says_all(each) for each in machines)
        assert before == [len(await a.revisions.history(name)) for name in NAMES]
        assert any("the 3 chains it had go on as they were" in problem for problem in a.chain_files.catalog.problems)
        assert 1 == [entry["event"] for entry in logs].count("chain_folder_away")
        if shared:
            assert [True] * 3 == [await asyncio.to_thread(b.chain_files.own(name).exists) for name in NAMES]

        # What is released meanwhile is live here too, and written when the folder is back.
        await a.revisions.release(ChainRevision("hr", "two", prompt("hr two")))
        await settle(*machines)
        assert ["hr two"] * len(machines) == [each.says("hr") for each in machines]
        await asyncio.to_thread(come_back, own(a))
        await settle(*machines)
        assert not a.chain_files.catalog.problems
        assert ["hr two"] * len(machines) == [each.says("hr") for each in machines]
        assert prompt("hr two") == await a.text("hr")
        assert ("it one", "law one") == (a.says("it"), a.says("law"))

        await asyncio.to_thread(a.chain_files.own("it").unlink)
        await settle(*machines)
        assert [""] * len(machines) == [each.says("it") for each in machines]


async def test_a_folder_that_comes_back_without_a_file_has_it_again(tmp_path: Path, database: Database) -> None:
    async with machine(tmp_path, database) as it:
        await fill(it)
        await settle(it)
        await asyncio.to_thread(be_emptied, own(it))
        await settle(it)
        await it.write("new", prompt("new"))
        await settle(it)

        assert says_all(it)
        assert "new" == it.says("new")
        assert prompt("law one") == await it.text("law")


@pytest.mark.parametrize("lose", [vanish, be_a_bare_mount_point])
async def test_a_start_without_the_folder_goes_on_with_what_was_live(
    lose: Callable[[Path], None], tmp_path: Path, database: Database
) -> None:
    async with machine(tmp_path, database) as it:
        await fill(it)
        await settle(it)
    await asyncio.to_thread(lose, tmp_path / "own")
    async with machine(tmp_path, database) as it:
        await settle(it)
        assert says_all(it)
        assert it.chain_files.away
        assert 1 == len(await it.revisions.history("hr"))
        await asyncio.to_thread(come_back, tmp_path / "own")
        await settle(it)

        assert says_all(it)
        assert not it.chain_files.away


async def test_files_that_cannot_be_read_say_nothing(tmp_path: Path, database: Database) -> None:
    async with machine(tmp_path / "a", database, shared=database.shared) as it:
        await fill(it)
        await settle(it)

        def spoil() -> None:
            it.chain_files.own("hr").write_bytes(b"")
            it.chain_files.own("it").unlink()
            it.chain_files.own("it").symlink_to(tmp_path / "nowhere.toml")
            it.chain_files.own("law").write_text(" \n")

        await asyncio.to_thread(spoil)
        await settle(it)
        assert says_all(it)
        assert {"hr", "it", "law"} == set(it.chain_files.refused)
        assert "empty; a chain that is all defaults" in it.chain_files.refused["hr"]
        assert "cannot be read" in it.chain_files.refused["it"]
        assert [1, 1, 1] == [len(await it.revisions.history(name)) for name in NAMES]
    async with machine(tmp_path / "a", database, shared=database.shared) as it:
        assert says_all(it)


async def test_a_release_that_cannot_be_written_is_told_once_and_holds_up_no_other(
    tmp_path: Path, database: Database
) -> None:
    async with machine(tmp_path, database) as it:
        # What stands in the way here stands for a folder that may only be read.
        await asyncio.to_thread((own(it) / "hr.toml").mkdir)
        with capture_logs() as logs:
            await it.revisions.release(ChainRevision("hr", "one", prompt("hr one")))
            await it.revisions.release(ChainRevision("it", "one", prompt("it one")))
            await settle(it)

        assert ("", "it one") == (it.says("hr"), it.says("it"))
        assert 1 == [entry["event"] for entry in logs].count("chain_not_written")
        await asyncio.to_thread((own(it) / "hr.toml").rmdir)
        await settle(it)
        assert "hr one" == it.says("hr")


async def test_a_trial_of_a_new_chain_that_takes_anothers_word_is_refused(tmp_path: Path, database: Database) -> None:
    async with machine(tmp_path, database) as it:
        await it.write("hr", f'command = "@hr"\n{prompt("one")}')
        await settle(it)
        await it.revisions.release(ChainRevision("new", "r", f'command = "@HR"\n{prompt("new")}'), share=50)
        await settle(it)
        assert not it.chain_files.catalog.trials
        await it.write("hr", prompt("one"))
        await settle(it)

        assert ["new"] == list(it.chain_files.catalog.trials)


def test_without_a_database_a_vanished_folder_keeps_its_chains_too(tmp_path: Path) -> None:
    it = chain_files(tmp_path)
    write(it.own("hr"), "hr")
    it.load()
    vanish(it.folders[-1])
    look_twice(it)
    assert "hr" == it.catalog.chain("hr").system_prompt
    assert "is not there any more" in it.catalog.problems[0]
    come_back(it.folders[-1])
    look_twice(it)

    assert not it.catalog.problems


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_without_rights_is_away(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    found = look(tmp_path)
    tmp_path.chmod(0o700)

    assert found.away is not None


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("it.toml.txt", "it.toml"),
        ("it.TOML", "it.toml"),
        ("it.Toml", "it.toml"),
        ("it.toml ", "it.toml"),
        ("it。toml", "it.toml"),
        ("it.txt", "it.toml"),
        ("it.yaml", "it.toml"),
        ("it.tml", "it.toml"),
        ("it.toml (1)", "it.toml"),
    ],
)
def test_a_file_that_was_meant_to_be_read_is_named(name: str, better: str) -> None:
    assert is_meant(name)
    assert better == better_name(name)


@pytest.mark.parametrize(
    "name", [".it.toml.swp", "it.toml~", "it.toml.bak", "README.md", "drafts", ".DS_Store", "notes"]
)
def test_other_files_are_left_alone(name: str) -> None:
    assert not is_meant(name)
