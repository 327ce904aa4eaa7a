"""`webot chains publish`, `rollback` and `trials` beside a running service: they say what the service does."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.events import Person
from tests.service import RunningService, running_service, until
from tests.web.shell import webot_here

ENGLISH = {"WEBOT_CHAT__LANGUAGE": "en"}
NOTHING: Mapping[str, str] = {}
ANN, BOB = Person("wecom", "Ann"), Person("wecom", "bob")
HR = 'description = "HR"\ncommand = "@hr"\naliases = ["@人事"]\nkeywords = ["leave"]\nsystem_prompt = "{prompt}"\n'


def draft(folder: Path, prompt: str = "one", *, name: str = "hr", more: str = "") -> Path:
    file = folder / "data" / "chains" / "drafts" / f"{name}.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(more + HR.replace("{prompt}", prompt), encoding="utf-8")
    return file


async def chains(folder: Path, *args: str, code: int = 0, environ: Mapping[str, str] = NOTHING) -> str:
    settings = {
        "WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{folder}/webot.db",
        "WEBOT_STORAGE__DATA_DIR": str(folder / "data"),
    }
    said_in = ENGLISH | settings | dict(environ)
    ran = await asyncio.to_thread(webot_here, "chains", *args, folder=folder, environ=said_in)
    assert code == ran.code, ran.out + ran.err
    return ran.out + ran.err


def prompt_for(service: RunningService, person: Person, text: str = "@hr hello") -> str:
    catalog = service.service.catalog
    called = catalog.by_command(text, person)
    return catalog.chain(called.chain, person).system_prompt if called is not None else ""


async def test_a_new_chain_reaches_those_it_is_published_to_and_nobody_else(tmp_path: Path) -> None:
    async with running_service(tmp_path, ENGLISH) as service:
        await asyncio.to_thread(draft, tmp_path)
        said = await chains(tmp_path, "publish", "hr", "--user", "ann", "--note", "first")
        catalog = service.service.catalog

        assert "answers ann; live on 1 of 1 machine" in said
        assert ("one", "") == (prompt_for(service, ANN), prompt_for(service, BOB))
        assert ("one", "") == (prompt_for(service, ANN, "@人事"), prompt_for(service, BOB, "@人事"))
        assert ("hr", "") == (catalog.by_keyword("my leave", ANN), catalog.by_keyword("my leave", BOB))
        phones = service.phone("ann"), service.phone("bob")
        for phone in phones:
            await phone.say("@help")
        (hers,), (his,) = [await phone.texts(count=1) for phone in phones]
        assert "@hr" in hers
        assert "@hr" not in his

        listed = await chains(tmp_path, "trials")
        assert ["hr", "ann", "first"] == [listed.splitlines()[1].split()[place] for place in (0, 2, 6)]
        assert "live on 1 of 1 machine" in listed
        assert any(line.startswith("hr ") and "trial" in line for line in (await chains(tmp_path, "list")).splitlines())
        assert "has ended; live on 1 of 1" in await chains(tmp_path, "trials", "end", "hr")
        assert "" == prompt_for(service, ANN)
        assert "no chain is on trial" in await chains(tmp_path, "trials")
        assert "'hr' is not on trial" in await chains(tmp_path, "trials", "end", "hr", code=1)


async def test_a_folder_that_cannot_be_written_is_told_as_that_and_the_release_is_taken_back(tmp_path: Path) -> None:
    chinese = {"WEBOT_CHAT__LANGUAGE": "zh"}
    async with running_service(tmp_path, chinese) as service:
        await asyncio.to_thread(draft, tmp_path)
        # What stands in the way here stands for a folder that may only be read.
        file = tmp_path / "data" / "chains" / "hr.toml"
        await asyncio.to_thread(file.mkdir)
        said = await chains(tmp_path, "publish", "hr", code=1, environ=chinese)
        listed = await chains(tmp_path, "history", "hr", environ=chinese)
        await asyncio.to_thread(file.rmdir)
        again = await chains(tmp_path, "publish", "hr", environ=chinese)

        assert f"没有生效：{file} 写不进去（" in said
        assert "草稿保留" in said
        assert "没有回应" not in said
        assert "未被接受" in listed
        assert "1/1 台机器" in again or "回答所有人" in again
        assert "one" == prompt_for(service, BOB)


async def test_a_trial_changes_words_for_its_people_alone_until_it_is_for_everybody(tmp_path: Path) -> None:
    async with running_service(tmp_path, ENGLISH) as service:
        file = await asyncio.to_thread(draft, tmp_path)
        assert "answers everybody; live on 1 of 1" in await chains(tmp_path, "publish", "hr")
        assert not await asyncio.to_thread(file.exists)
        await asyncio.to_thread(file.write_text, 'command = "@people"\nsystem_prompt = "two"\n')
        await chains(tmp_path, "publish", "hr", "--user", "ANN")
        assert ("", "two") == (prompt_for(service, ANN), prompt_for(service, ANN, "@people x"))
        assert ("one", "") == (prompt_for(service, BOB), prompt_for(service, BOB, "@people x"))
        catalog = service.service.catalog
        assert ("", "hr") == (catalog.by_keyword("my leave", ANN), catalog.by_keyword("my leave", BOB))
        assert await asyncio.to_thread(file.exists)

        await chains(tmp_path, "publish", "hr", "--note", "for all")
        assert ("", "two") == (prompt_for(service, BOB), prompt_for(service, BOB, "@people x"))
        history = (await chains(tmp_path, "history", "hr")).splitlines()
        assert ["everybody", "ANN", "everybody"] == [line.split()[4] for line in history[1:]]
        first = history[3].split()[2]
        assert "answers everybody; live on 1 of 1" in await chains(tmp_path, "rollback", "hr", first)
        assert "one" == prompt_for(service, BOB)
        assert f"{first}: 👍 -  👎 -  live on 1 of 1 machine" in await chains(tmp_path, "show", "hr")


async def test_what_the_service_refuses_is_no_success_and_is_taken_back(tmp_path: Path) -> None:
    # The shell reads settings that the service has not, as after an edit that it refused.
    big = {"WEBOT_MODELS__BIG__PROVIDER": "demo"}
    async with running_service(tmp_path, ENGLISH) as service:
        await asyncio.to_thread(draft, tmp_path)
        await chains(tmp_path, "publish", "hr")
        file = await asyncio.to_thread(draft, tmp_path, "two", more='model = "big"\n')
        for options in ((), ("--share", "50")):
            said = await chains(tmp_path, "publish", "hr", *options, code=1, environ=big)
            assert "does not answer: model: found 'big', there are default" in said
            assert await asyncio.to_thread(file.exists)
            assert ("one", "one") == (prompt_for(service, ANN), prompt_for(service, BOB))
        await until(lambda: not service.service.catalog.problems)

        own = tmp_path / "data" / "chains" / "hr.toml"
        assert "one" in await asyncio.to_thread(own.read_text, encoding="utf-8")
        chinese = await chains(tmp_path, "publish", "hr", code=1, environ=big | {"WEBOT_CHAT__LANGUAGE": "zh"})
        assert "没有生效：" in chinese


async def test_the_shipped_chain_comes_back_without_a_copy_and_a_link_stays_a_link(tmp_path: Path) -> None:
    own, elsewhere = tmp_path / "data" / "chains" / "translator.toml", tmp_path / "translator.toml"

    def link() -> None:
        own.parent.mkdir(parents=True)
        elsewhere.write_text('system_prompt = "zero"\n')
        own.symlink_to(elsewhere)

    await asyncio.to_thread(link)
    async with running_service(tmp_path, ENGLISH) as service:
        await asyncio.to_thread(draft, tmp_path, name="translator")
        await chains(tmp_path, "publish", "translator")
        assert "one" in await asyncio.to_thread(elsewhere.read_text, encoding="utf-8")
        assert await asyncio.to_thread(own.is_symlink)
        said = await chains(tmp_path, "rollback", "translator", "shipped")
        assert "answers everybody; live on 1 of 1" in said
        assert not await asyncio.to_thread(own.exists)
        assert "@translate" == service.service.catalog.chain("translator").command
        assert "was released to everybody already" in await chains(tmp_path, "rollback", "translator", "shipped")


async def test_shares_and_notes(tmp_path: Path) -> None:
    await asyncio.to_thread(draft, tmp_path)
    assert "a share of 0 means nobody" in await chains(tmp_path, "publish", "hr", "--share", "0", code=2)
    assert "an empty user id means nobody" in await chains(tmp_path, "publish", "hr", "--user", "", code=2)
    said = await chains(tmp_path, "publish", "hr")
    assert "will answer everybody once the service starts; none is running" in said
    await asyncio.to_thread(draft, tmp_path)
    assert "was released to everybody already; no service is running" in await chains(tmp_path, "publish", "hr")
    await asyncio.to_thread(draft, tmp_path)
    await chains(tmp_path, "publish", "hr", "--note", "why it stays")

    assert "why it stays" in await chains(tmp_path, "history", "hr")


async def test_a_broken_file_leaves_the_shell_at_what_answers(tmp_path: Path) -> None:
    own = tmp_path / "data" / "chains" / "translator.toml"
    for broken in ("= x", "", "turns = 'x'"):
        await asyncio.to_thread(draft, tmp_path, name="translator")
        await chains(tmp_path, "publish", "translator")
        await asyncio.to_thread(own.write_text, broken)
        shown = await chains(tmp_path, "show", "translator")
        listed = await chains(tmp_path, "list", code=1)

        assert 'system_prompt = "one"' in shown
        assert "translator: its file is not in use" in shown
        assert f"{own}:1: " in shown or f"{own}: empty" in shown
        assert "own, file not in use" in listed
        await asyncio.to_thread(draft, tmp_path, "two", name="translator")
        assert '-system_prompt = "one"' in await chains(tmp_path, "diff", "translator")
        assert "system:\none" in await chains(tmp_path, "try", "translator", "x", "--live")
        await asyncio.to_thread(os.remove, own)


async def test_a_file_that_was_never_good_is_named_with_what_is_wrong(tmp_path: Path) -> None:
    own = tmp_path / "data" / "chains" / "mine.toml"
    await asyncio.to_thread(own.parent.mkdir, parents=True)
    for broken, wrong in (("= x", ":1: "), ("", ": empty"), ('\ntools = ["nosuch"]', ":2: tools.1: found 'nosuch'")):
        await asyncio.to_thread(own.write_text, broken)
        for verb in (("show", "mine"), ("try", "mine", "x"), ("replay", "mine")):
            said = await chains(tmp_path, *verb, code=1)

            assert f"{own}{wrong}" in said, (verb, said)
    assert "there is no chain 'other'" in await chains(tmp_path, "show", "other", code=1)


async def test_check_says_all_that_is_wrong_with_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "chains"

    def write() -> Path:
        folder.mkdir(parents=True)
        (folder / "it.toml.txt").write_text("turns = 1")
        (folder / "it2.TOML").write_text("turns = 1")
        (folder / "README.md").write_text("about these chains")
        (folder / "lonely.toml").write_text("turns = 1")
        (folder / "quiet.toml").write_text('keywords = ["leave"]\nhands_to = ["silent", "nobody"]\n')
        (folder / "silent.toml").write_text('\nkeywords = ["LEAVE"]\n[options]\nfoo = 1\n')
        file = folder / "wrong.toml"
        file.write_text(
            'command = "@help"\nmodel = "big"\nchooser = "small"\nchannels = ["hr"]\ntools = ["mcp.docs"]\n'
        )
        return file

    file = await asyncio.to_thread(write)
    said = await chains(tmp_path, "check", str(file), code=1)
    for line in (
        "1: command, aliases: '@help' is already a command of webot itself",
        "2: model: found 'big', there are default",
        "3: chooser: found 'small', there are default",
        "4: channels: found 'hr', there are",
        "5: tools: found 'mcp.docs', there are no MCP servers",
    ):
        assert f"{file}:{line}" in said
    quiet = await chains(tmp_path, "check", str(folder / "quiet.toml"))
    assert "quiet.toml:2: hands_to: there is no chain 'nobody'" in quiet
    assert "quiet.toml:2: hands_to: the chain 'silent' has no description" in quiet
    assert "quiet.toml:1: keywords: 'leave' is a keyword of the chain 'silent' too" in quiet
    assert "about 0 tokens before every question" in quiet
    await asyncio.to_thread(file.unlink)
    whole = await chains(tmp_path, "check")
    assert f"{folder / 'lonely.toml'}: command: nobody is answered by this chain" in whole
    assert 1 == whole.count("'leave' is a keyword of the chain 'silent' too")
    assert (
        f"{folder / 'it.toml.txt'}: not read: the name must end in .toml, in small letters; rename it to it.toml"
        in whole
    )
    assert f"{folder / 'it2.TOML'}: not read" in whole
    assert "README" not in whole
    assert "silent.toml:4: chain 'silent': options.foo: webot does not know this option" in whole
    chinese = await chains(tmp_path, "check", environ={"WEBOT_CHAT__LANGUAGE": "zh"})
    assert "没有读取：文件名必须以小写的 .toml 结尾；请改名为 it.toml" in chinese
    assert "条对话链：都可以使用" in chinese
