"""The folders the chains come from."""

from pathlib import Path

from structlog.testing import capture_logs

from chains.catalog.catalog import ChainCatalog
from chains.catalog.config import ChainConfig
from chains.catalog.files import ChainFiles, ChainRequirements


def chain_files(tmp_path: Path, *needed: str) -> ChainFiles:
    shipped, own = tmp_path / "shipped", tmp_path / "own"
    shipped.mkdir()
    own.mkdir()
    write(shipped / "default.toml", "shipped")
    return ChainFiles((shipped, own), requirements=ChainRequirements(needed=frozenset(needed)), reserved=("@help",))


def write(file: Path, prompt: str, *more: str) -> Path:
    file.write_text("\n".join((f'system_prompt = "{prompt}"', *more)), encoding="utf-8")
    return file


def prompts(it: ChainFiles) -> dict[str, str]:
    return {name: it.catalog.chains[name].system_prompt for name in it.catalog.names}


def settle(it: ChainFiles) -> bool:
    """Look twice: what changed has to hold still for one look."""
    it.refresh()
    return it.refresh()


def test_the_companys_own_chain_wins_by_name(tmp_path: Path) -> None:
    it = chain_files(tmp_path)
    write(it.own("default"), "own")
    write(it.own("hr"), "hr")
    it.load()

    assert {"default": "own", "hr": "hr"} == prompts(it)


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    it = chain_files(tmp_path)
    it.own("x").parent.rmdir()
    it.load()

    assert {"default": "shipped"} == prompts(it)


def test_an_edit_is_taken_over_once_it_holds_still(tmp_path: Path) -> None:
    it = chain_files(tmp_path)
    write(it.own("hr"), "one")
    it.load()
    write(it.own("hr"), "another")

    assert not it.refresh()
    assert {"default": "shipped", "hr": "one"} == prompts(it)
    assert it.refresh()
    assert {"default": "shipped", "hr": "another"} == prompts(it)
    assert not it.refresh()


def test_what_is_not_edited_stays_the_same_object(tmp_path: Path) -> None:
    it = chain_files(tmp_path)
    it.load()
    before = it.catalog.chain("default")
    write(it.own("hr"), "new")
    settle(it)

    assert before is it.catalog.chain("default")


def test_a_broken_edit_is_reported_and_the_last_good_one_goes_on(tmp_path: Path) -> None:
    it = chain_files(tmp_path)
    write(it.own("hr"), "good")
    it.load()
    with capture_logs() as logs:
        write(it.own("hr"), "broken", "turns = 'x'")
        settle(it)

    assert {"default": "shipped", "hr": "good"} == prompts(it)
    assert 1 == len(it.catalog.problems)
    assert f"{it.own('hr')}:2: turns: found" in it.catalog.problems[0]
    assert ["chain_not_used"] == [entry["event"] for entry in logs]

    write(it.own("hr"), "repaired")
    settle(it)

    assert "repaired" == it.catalog.chain("hr").system_prompt
    assert not it.catalog.problems


def test_a_chain_that_hands_to_nobody_is_used_and_logged_as_doubtful_alone(tmp_path: Path) -> None:
    it = chain_files(tmp_path)
    with capture_logs() as logs:
        write(it.own("hr"), "one", 'hands_to = ["nobody"]')
        it.load()

    assert {"default": "shipped", "hr": "one"} == prompts(it)
    assert ["chain_doubtful"] == [entry["event"] for entry in logs]
    assert "'nobody'" in logs[0]["problem"]


def test_a_broken_file_of_the_companys_own_leaves_the_shipped_one_at_the_start(tmp_path: Path) -> None:
    it = chain_files(tmp_path)
    it.own("default").write_text("= broken")
    it.load()

    assert {"default": "shipped"} == prompts(it)
    assert it.catalog.problems


def test_where_a_file_is_broken_at_the_start_what_answered_last_goes_on(tmp_path: Path) -> None:
    it = chain_files(tmp_path, "gone")
    names = ("hr", "gone", "default", "forgotten")
    it.catalog = ChainCatalog({name: ChainConfig(name=name, system_prompt="last") for name in names})
    it.own("hr").write_text("= broken")
    it.load()

    assert {"default": "shipped", "hr": "last", "gone": "last"} == prompts(it)
    assert 2 == len(it.catalog.problems)


def test_taking_a_file_away_brings_the_shipped_one_back(tmp_path: Path) -> None:
    it = chain_files(tmp_path)
    write(it.own("default"), "own")
    write(it.own("hr"), "hr")
    it.load()
    it.own("default").unlink()
    it.own("hr").unlink()
    settle(it)

    assert {"default": "shipped"} == prompts(it)


def test_a_chain_that_a_channel_names_is_not_lost_with_its_file(tmp_path: Path) -> None:
    it = chain_files(tmp_path, "hr")
    write(it.own("hr"), "hr")
    it.load()
    it.own("hr").unlink()
    settle(it)

    assert {"default": "shipped", "hr": "hr"} == prompts(it)
    assert ("chain 'hr': its file is gone, and channels of the settings name it",) == it.catalog.problems


def test_of_two_chains_with_one_command_the_new_one_gives_way(tmp_path: Path) -> None:
    it = chain_files(tmp_path)
    write(it.own("b"), "b", 'command = "@x"')
    it.load()
    write(it.own("a"), "a", 'command = "@y"', 'aliases = ["@X"]')
    settle(it)

    assert {"default": "shipped", "b": "b"} == prompts(it)
    problem = "chain 'a': command, aliases: '@X' is already a command of the chain 'b'; choose another"
    assert (f"{it.own('a')}:2: {problem}",) == it.catalog.problems


def test_an_edit_that_takes_anothers_command_leaves_the_old_one_in_use(tmp_path: Path) -> None:
    it = chain_files(tmp_path)
    write(it.own("b"), "b", 'command = "@x"')
    write(it.own("a"), "a", 'command = "@y"')
    it.load()
    write(it.own("a"), "edited", 'command = "@help"')
    settle(it)

    assert {"a": "a", "b": "b", "default": "shipped"} == prompts(it)


def test_the_shipped_chains_are_all_in_use() -> None:
    it = ChainFiles()
    it.load()

    assert () == it.catalog.problems
    assert "default" in it.catalog.names
