"""Two services on one PostgreSQL, each with chains in a folder of its own, which vanishes, empties and returns."""

import asyncio
import shutil
from pathlib import Path

from chains.catalog.config import parse_chain
from pipeline.revisions import ChainRevision
from storage.conversations.chain_revisions import RevisionStore
from tests.service import RunningService, running_service, until

NAMES = ("hr", "it", "law")


def text(name: str, prompt: str) -> str:
    return f'command = "@{name}"\nsystem_prompt = "{prompt}"\n'


def folder(at: Path) -> Path:
    return at / "data" / "chains"


def fill(at: Path, prompt: str) -> None:
    folder(at).mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        (folder(at) / f"{name}.toml").write_text(text(name, prompt), encoding="utf-8")


def on_disk(at: Path) -> dict[str, str]:
    return {file.stem: file.read_text(encoding="utf-8") for file in folder(at).glob("*.toml")}


def empty(at: Path) -> None:
    for file in folder(at).glob("*.toml"):
        file.unlink()


def say(service: RunningService, prompt: str) -> bool:
    chains = service.service.catalog.chains
    return all(name in chains and chains[name].system_prompt == prompt for name in NAMES)


async def test_a_folder_that_vanishes_empties_and_returns_takes_no_chain_from_anybody(
    tmp_path: Path, postgres_url: str
) -> None:
    environ = {"WEBOT_STORAGE__DATABASE_URL": postgres_url}
    a, b = tmp_path / "a", tmp_path / "b"
    await asyncio.to_thread(a.mkdir)
    await asyncio.to_thread(b.mkdir)
    async with running_service(a, environ) as first, running_service(b, environ) as second:
        houses = (first, second)
        await asyncio.to_thread(fill, a, "one")
        await until(lambda: all(say(service, "one") for service in houses) and len(on_disk(b)) == len(NAMES))
        revisions = RevisionStore(first.service.database)
        before = await revisions.latest()

        # One folder vanishes, and what everybody is answered by changes meanwhile on the other machine.
        await asyncio.to_thread(folder(a).rename, a / "elsewhere")
        await until(lambda: first.service.catalog.problems)
        assert before == await revisions.latest()
        await asyncio.to_thread(fill, b, "two")
        await until(lambda: all(say(service, "two") for service in houses))
        assert not await asyncio.to_thread(folder(a).exists)
        await asyncio.to_thread((a / "elsewhere").rename, folder(a))
        await until(lambda: not first.service.catalog.problems and on_disk(a) == on_disk(b))

        # The other is emptied, as by a file system that was mounted over it, and is filled again.
        between = await revisions.latest()
        await asyncio.to_thread(shutil.copytree, folder(b), b / "elsewhere")
        await asyncio.to_thread(empty, b)
        await until(lambda: second.service.catalog.problems)
        assert between == await revisions.latest()
        await revisions.release(ChainRevision("hr", revision_of("hr", "three"), text("hr", "three")))
        await until(lambda: all(service.service.catalog.chains["hr"].system_prompt == "three" for service in houses))
        await asyncio.to_thread(shutil.copytree, b / "elsewhere", folder(b), dirs_exist_ok=True)
        await until(lambda: not second.service.catalog.problems and on_disk(a) == on_disk(b))

        assert text("hr", "three") == (await asyncio.to_thread(on_disk, b))["hr"]
        assert ["two", "two"] == [service.service.catalog.chains["law"].system_prompt for service in houses]

        # A file that is deleted by itself is a deletion, everywhere.
        await asyncio.to_thread((folder(b) / "law.toml").unlink)
        await until(lambda: all("law" not in service.service.catalog.chains for service in houses))


def revision_of(name: str, prompt: str) -> str:
    return parse_chain(text(name, prompt), name=name, source=name).revision
