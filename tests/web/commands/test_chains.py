"""The verb `webot chains`, as a prompt engineer uses it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from storage.database.engine import open_database
from tests.fakes.openai_server import Act, Fails, OpenAIServer, Says
from tests.storage.conversations.test_questions import talk
from tests.storage.conversations.test_ratings import judge
from tests.web.shell import english_sentences, webot_here
from web.commands import chains as verb

NOTHING: Mapping[str, str] = {}
DRAFT = """
description = "人事"
command = "@hr"
system_prompt = "{prompt}"

[[cases]]
input = "请假"
contains = ["echo", "请假"]
"""


def draft(folder: Path, prompt: str = "hr", *, name: str = "hr") -> Path:
    file = folder / "data" / "chains" / "drafts" / f"{name}.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(DRAFT.replace("{prompt}", prompt), encoding="utf-8")
    return file


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as opened:
        yield opened


def ran(folder: Path, *args: str, code: int = 0, environ: Mapping[str, str] = NOTHING) -> str:
    said_in = {"WEBOT_CHAT__LANGUAGE": "en"} | dict(environ)
    done = webot_here("chains", *args, folder=folder, environ=said_in)
    assert code == done.code, done.out + done.err
    return done.out + done.err


def test_a_draft_is_published_and_rolled_back(tmp_path: Path) -> None:
    file = draft(tmp_path, "one")
    assert 'system_prompt = "one"' in ran(tmp_path, "show", "hr")
    ran(tmp_path, "publish", "hr", "--note", "first", "--author", "ann")
    assert not file.exists()
    draft(tmp_path, "two")

    changes = ran(tmp_path, "diff", "hr")
    assert '-system_prompt = "one"' in changes
    assert '+system_prompt = "two"' in changes

    ran(tmp_path, "publish", "hr", "--author", "bob")
    history = ran(tmp_path, "history", "hr").splitlines()
    assert ["bob", "ann"] == [line.split()[7] for line in history[1:]]
    first = history[2].split()[2]
    ran(tmp_path, "rollback", "hr", first[:5], "--author", "eve")

    assert 'system_prompt = "one"' in ran(tmp_path, "show", "hr")
    assert 'system_prompt = "two"' in ran(tmp_path, "show", "hr", "--revision", history[1].split()[2])
    assert f"rollback to {first}" in ran(tmp_path, "history", "hr")


def test_a_shipped_chain_is_changed_and_brought_back(tmp_path: Path) -> None:
    draft(tmp_path, name="translator")
    assert "code" in ran(tmp_path, "list")
    ran(tmp_path, "publish", "translator", "--share", "10", "--user", "ann")
    assert "10 % and ann" in ran(tmp_path, "history", "translator")
    assert "@translate" in ran(tmp_path, "show", "translator", "--live")
    ran(tmp_path, "publish", "translator")
    assert "@translate" not in ran(tmp_path, "list")
    ran(tmp_path, "rollback", "translator", "shipped")
    latest, first, trial = (line.split() for line in ran(tmp_path, "history", "translator").splitlines()[1:])
    assert ["shipped", "own", "own"] == [row[3] for row in (latest, first, trial)]
    zh = {"WEBOT_CHAT__LANGUAGE": "zh"}
    assert "自带" in ran(tmp_path, "history", "translator", environ=zh)
    draft(tmp_path, name="translator")
    before, after = ran(tmp_path, "diff", "translator", environ=zh).splitlines()[:2]
    # What comes with webot is another text in each language.
    assert before.startswith("--- translator 自带 ")
    assert f"+++ translator 草稿 {first[2]}" == after
    assert f"--- translator {first[2]}" == ran(tmp_path, "diff", "translator", first[2]).splitlines()[0]

    assert "@translate" in ran(tmp_path, "list")


def test_an_empty_draft_takes_no_chain_away(tmp_path: Path) -> None:
    draft(tmp_path, "one")
    ran(tmp_path, "publish", "hr")
    draft(tmp_path).write_text("", encoding="utf-8")

    assert "hr.toml: empty; a chain that is all defaults needs a line" in ran(tmp_path, "publish", "hr", code=1)
    assert (tmp_path / "data" / "chains" / "hr.toml").exists()


def test_what_cannot_be_used_is_told_and_not_published(tmp_path: Path) -> None:
    assert "5 chains: nothing is wrong" in ran(tmp_path, "check")
    file = draft(tmp_path)
    file.write_text('command = "@help"', encoding="utf-8")

    assert "'@help' is already a command of webot itself" in ran(tmp_path, "check", code=1)
    assert "'@help' is already a command of webot itself" in ran(tmp_path, "check", str(file), code=1)
    assert "'@help' is already a command of webot itself" in ran(tmp_path, "publish", "hr", code=1)
    assert "there is no draft of 'it'" in ran(tmp_path, "publish", "it", code=1)
    assert "there is no chain 'it'; there are code, default" in ran(tmp_path, "show", "it", code=1)


async def test_a_chain_is_tried_and_tested_before_it_is_live(server: OpenAIServer, tmp_path: Path) -> None:
    environ = {
        "WEBOT_MODELS__DEFAULT__MODEL": "m",
        "WEBOT_MODELS__DEFAULT__BASE_URL": server.base_url,
        "WEBOT_REPLAY__USERS": '["*"]',
    }

    def work() -> tuple[str, str, str]:
        draft(tmp_path, "今天是 {{ date }}")
        tried = ran(tmp_path, "try", "hr", "怎么请假", environ=environ)
        tested = ran(tmp_path, "test", "hr", environ=environ)
        ran(tmp_path, "test", "hr", environ=environ)
        ran(tmp_path, "publish", "hr")
        draft(tmp_path, "hr")
        return tried, tested, ran(tmp_path, "replay", "hr", code=1, environ=environ)

    tried, tested, replayed = await asyncio.to_thread(work)

    assert "echo: 怎么请假" in tried
    assert "system:\n今天是 20" in tried
    assert "11 + 7 tokens" in tried
    assert "1 of 1 passed" in tested
    assert "has asked hr anything yet" in replayed
    # The second run of the cases cost nothing.
    assert 2 == len(server.bodies)


async def test_a_tool_used_in_a_trial_is_shown(server: OpenAIServer, tmp_path: Path) -> None:
    environ = {"WEBOT_MODELS__DEFAULT__MODEL": "m", "WEBOT_MODELS__DEFAULT__BASE_URL": server.base_url}
    wish = {
        "id": "1",
        "type": "function",
        "function": {"name": "current_time", "arguments": '{"time_zone": "Asia/Tokyo"}'},
    }
    asks = Says("我看看。", tool_calls=(wish,), finish="tool_calls")
    server.script(asks, Says("九点。"), asks, Says("九点。"))

    def work() -> tuple[str, str, str]:
        file = draft(tmp_path)
        file.write_text(f'tools = ["current_time"]\n{file.read_text(encoding="utf-8")}', encoding="utf-8")
        return (
            ran(tmp_path, "try", "hr", "几点？", environ=environ),
            ran(tmp_path, "test", "hr", code=1, environ=environ),
            ran(tmp_path, "try", "hr", "几点？", "--no-tools", environ=environ),
        )

    tried, tested, toolless = await asyncio.to_thread(work)

    assert "tools: current_time" in tried
    assert 'tool: current_time {"time_zone": "Asia/Tokyo"}: done, ' in tried
    assert "(Asia/Tokyo)\n" in tried
    assert "22 + 14 tokens" in tried
    assert 'it used: current_time {"time_zone": "Asia/Tokyo"}: done, ' in tested
    assert "echo: 几点？" in toolless
    assert [True, True, True, True, False] == ["tools" in body for body in server.bodies]


async def test_real_questions_are_put_to_both_versions(server: OpenAIServer, tmp_path: Path) -> None:
    environ = {
        "WEBOT_MODELS__DEFAULT__MODEL": "m",
        "WEBOT_MODELS__DEFAULT__BASE_URL": server.base_url,
        "WEBOT_REPLAY__USERS": '["ann"]',
    }

    def publish() -> None:
        draft(tmp_path, "one")
        ran(tmp_path, "publish", "hr")
        draft(tmp_path, "two")

    await asyncio.to_thread(publish)
    database = await asyncio.to_thread(open_database, f"sqlite:///{tmp_path}/data/webot.db")
    await talk(database, "ann", "hr", "hr", "other")
    await talk(database, "bob", "hr")
    await database.close()

    def refused(report: str) -> str:
        return ran(tmp_path, "replay", "hr", "--report", report, code=1, environ=environ)

    nowhere = await asyncio.to_thread(refused, "nowhere/it.html")
    asked_before = len(server.bodies)
    said = await asyncio.to_thread(lambda: ran(tmp_path, "replay", "hr", environ=environ))
    report = await asyncio.to_thread((tmp_path / "replay-hr.html").read_text, encoding="utf-8")

    assert "--report 'nowhere/it.html': there is no folder 'nowhere'" in nowhere
    assert 0 == asked_before
    assert "0 of 2 answers changed" in said
    assert "live: 1 of 1 cases pass\ndraft: 1 of 1 cases pass" in said
    assert "ann asks 2" in report
    assert "bob" not in report
    assert {"one", "two"} == {body["messages"][0]["content"] for body in server.bodies}


async def test_a_replay_marks_what_a_fallback_answered_for_the_draft(tmp_path: Path) -> None:
    def act(body: Mapping[str, Any]) -> Act:
        failing = body["model"] == "m" and body["messages"][0]["content"] == "two"
        return Fails(500) if failing else Says("the same")

    def publish() -> None:
        draft(tmp_path, "one")
        ran(tmp_path, "publish", "hr")
        draft(tmp_path, "two")

    await asyncio.to_thread(publish)
    database = await asyncio.to_thread(open_database, f"sqlite:///{tmp_path}/data/webot.db")
    await talk(database, "ann", "hr")
    await database.close()
    async with OpenAIServer(otherwise=act) as server:
        environ = {
            "WEBOT_MODELS__DEFAULT__MODEL": "m",
            "WEBOT_MODELS__DEFAULT__BASE_URL": server.base_url,
            "WEBOT_MODELS__DEFAULT__MAX_RETRIES": "0",
            "WEBOT_MODELS__DEFAULT__FALLBACKS": '["spare"]',
            "WEBOT_MODELS__SPARE__MODEL": "s",
            "WEBOT_MODELS__SPARE__BASE_URL": server.base_url,
            "WEBOT_REPLAY__USERS": '["*"]',
        }
        said = await asyncio.to_thread(lambda: ran(tmp_path, "replay", "hr", code=1, environ=environ))
        report = await asyncio.to_thread((tmp_path / "replay-hr.html").read_text, encoding="utf-8")
        chinese = environ | {"WEBOT_CHAT__LANGUAGE": "zh"}
        said_in_chinese = await asyncio.to_thread(lambda: ran(tmp_path, "replay", "hr", code=1, environ=chinese))
    report_in_chinese = await asyncio.to_thread((tmp_path / "replay-hr.html").read_text, encoding="utf-8")

    assert "1 个回答中有 0 个不同；1 个无法比较：不完整，或由其他模型代答；逐条对照见 replay-hr.html" in said_in_chinese
    assert "草稿：1 个用例，通过 0 个" in said_in_chinese
    assert "<th>不完整或代答<th>用过工具<th>输入 token<th>" in report_in_chinese
    assert "<title>hr：回放</title>" in report_in_chinese
    assert [] == english_sentences(said_in_chinese) + english_sentences(report_in_chinese.partition("<h1>")[2])
    assert "draft: [models.default] gave no answer: [models.spare] (s) stood in for it" in said
    assert "0 of 1 answer changed; 1 cannot be compared: cut, or given by another model" in said
    assert "draft: 0 of 1 cases pass" in said
    assert "[models.spare] (s) stood in for it" in report


async def test_a_trial_and_its_cases_speak_chinese_where_the_deployment_does(tmp_path: Path) -> None:
    async with OpenAIServer(otherwise=lambda _: Fails(500)) as server:
        environ = {
            "WEBOT_MODELS__DEFAULT__MODEL": "m",
            "WEBOT_MODELS__DEFAULT__BASE_URL": server.base_url,
            "WEBOT_MODELS__DEFAULT__MAX_RETRIES": "0",
            "WEBOT_CHAT__LANGUAGE": "zh",
        }

        def work() -> tuple[str, str]:
            draft(tmp_path, "one")
            return (
                ran(tmp_path, "try", "hr", "请假", code=1, environ=environ),
                ran(tmp_path, "test", "hr", "nosuch", code=1, environ=environ),
            )

        tried, tested = await asyncio.to_thread(work)

    assert "错误：[models.default]：模型服务出了故障（HTTP 500" in tried
    assert "hr 草稿 " in tested
    assert "：1 个用例，通过 0 个；[models.default] 没有回答" in tested
    assert "共 1 个用例，通过 0 个；另有 1 条对话链无法测试" in tested
    assert "InternalServerError" not in tried + tested
    assert [] == english_sentences(tried) + english_sentences(tested)


async def test_what_people_think_is_counted_by_revision_and_read(tmp_path: Path) -> None:
    def publish() -> str:
        draft(tmp_path, "one")
        ran(tmp_path, "publish", "hr")
        draft(tmp_path, "two")
        assert "nobody has rated an answer of hr yet" in ran(tmp_path, "ratings", "hr")
        ran(tmp_path, "publish", "hr")
        return ran(tmp_path, "history", "hr").splitlines()[2].split()[2]

    first = await asyncio.to_thread(publish)
    database = await asyncio.to_thread(open_database, f"sqlite:///{tmp_path}/data/webot.db")
    await talk(database, "ann", "hr", "hr", "hr")
    await talk(database, "bob", "hr")
    await judge(database, "ann", 1, 1, revision=first)
    await judge(database, "ann", 2, -1, "打 13812345678 没人接", revision=first)
    await judge(database, "bob", 1, -1, "rude", revision=first)
    await database.close()

    def look() -> tuple[list[str], list[str], str, str]:
        agreed = {"WEBOT_REPLAY__USERS": '["ann"]'}
        return (
            ran(tmp_path, "history", "hr").splitlines(),
            [line for line in ran(tmp_path, "list").splitlines() if line.startswith("hr")],
            ran(tmp_path, "show", "hr", "--revision", first),
            ran(tmp_path, "ratings", "hr", "--bad", environ=agreed),
        )

    history, (listed,), shown, read = await asyncio.to_thread(look)

    assert ["own", "everybody", "1", "2"] == history[2].split()[3:7]
    assert ["own", "everybody", "-", "-"] == history[1].split()[3:7]
    assert ["-", "-"] == listed.split()[4:6]
    assert f"{first}: 👍 1  👎 2" in shown
    assert ["why: rude", "why: 打 [PHONE] 没人接", "question: ann asks 2", "answer: answer 2"] == [
        line.strip() for line in read.splitlines() if line.startswith("   ")
    ]


def test_chains_are_looked_at_also_where_no_judgement_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "webot.db").write_bytes(b"this is no database")
    said = ran(tmp_path, "list")

    assert "@translate" in said
    assert "no ratings: the database cannot be used" in said


def test_a_failed_case_fails_the_run(tmp_path: Path) -> None:
    draft(tmp_path)

    assert "does not contain 'echo'" in ran(tmp_path, "test", "hr", code=1)


@pytest.mark.parametrize("name", sorted(verb.command.commands))
def test_every_verb_of_chains_has_its_help(name: str) -> None:
    assert f"用法: webot chains {name}" in webot_here("chains", name, "--help", folder=Path()).out
