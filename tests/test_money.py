"""Money, whole: what answers cost, who is told of it, and what happens when it is spent."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlalchemy import func, select

from pipeline.text.i18n import Catalogue
from storage.database.tables import inbox, messages, spending
from storage.usage.report import By, usage_report
from tests.fakes.openai_server import Act, Fails, Hangs, OpenAIServer, Says
from tests.fakes.recordings import tone
from tests.service import RunningService, running_service, until

ZH = Catalogue("zh")


@pytest.fixture
async def model() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer() as server:
        yield server


def bare(model: OpenAIServer) -> dict[str, str]:
    return {"WEBOT_MODELS__DEFAULT__BASE_URL": model.base_url, "WEBOT_MODELS__DEFAULT__MODEL": "test-model"}


def priced(model: OpenAIServer, **more: str) -> dict[str, str]:
    return {
        **bare(model),
        "WEBOT_MODELS__DEFAULT__INPUT_PRICE": "2",
        "WEBOT_MODELS__DEFAULT__OUTPUT_PRICE": "8",
        **more,
    }


async def recorded(service: RunningService) -> tuple[int, int]:
    """Give what the messages say was paid, and what the sums say."""
    async with service.service.database.read() as connection:
        answers = await connection.execute(select(func.sum(messages.c.cost)))
        sums = await connection.execute(select(func.sum(spending.c.cost)))
        return int(answers.scalar_one()), int(sums.scalar_one())


async def states(service: RunningService) -> list[str]:
    async with service.service.database.read() as connection:
        return [row.state for row in await connection.execute(select(inbox.c.state).order_by(inbox.c.id))]


async def test_a_spent_budget_is_a_polite_no_and_commands_go_on(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(Says("第一个回答", usage=(400_000, 30_000)))
    budget = {"WEBOT_BUDGETS__PER_USER_PER_DAY": "1"}
    async with running_service(tmp_path, priced(model, **budget)) as service:
        phone, other = service.phone(), service.phone("lisi")
        await phone.say("一")
        assert ["第一个回答"] == await phone.texts(count=1)
        await phone.say("二")
        _, refused = await phone.texts(count=2)
        await phone.say("@usage")
        *_, text = await phone.texts(count=3)
        await other.say("三")
        assert ["echo: 三"] == await other.texts(count=1)

        assert refused.startswith(ZH.text("budget.person_day", when="|").partition("|")[0])
        assert "1.04 元" in text
        assert 2 == len(model.asked)
        await service.service.drain()
        assert {"done"} == set(await states(service))
        paid = 1_040_000 + 11 * 2 + 7 * 8
        assert (paid, paid) == await recorded(service)
        for by in get_args(By):
            assert paid == sum(each.cost for each in await usage_report(service.service.database, by)), by
        counted = (await service.http.get("/metrics")).text
        assert 'webot_budget_spent_total{outcome="refused",period="day",whose="person"}' in counted
        assert 'webot_tokens_total{chain="default",kind="given",model="test-model"}' in counted


async def test_the_budget_of_all_holds_for_the_next_person_at_once(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(Says("第一个回答", usage=(400_000, 30_000)))
    async with running_service(tmp_path, priced(model, WEBOT_BUDGETS__PER_MONTH="1")) as service:
        await service.phone().say("一")
        await service.phone().texts(count=1)
        other = service.phone("lisi")
        await other.say("二")
        (refused,) = await other.texts(count=1)

    assert refused.startswith(ZH.text("budget.all_month", when="|").partition("|")[0])
    assert 1 == len(model.asked)


async def test_a_restart_forgets_no_spending(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(Says("第一个回答", usage=(400_000, 30_000)))
    settings = priced(model, WEBOT_BUDGETS__PER_DAY="1", WEBOT_BUDGETS__PER_USER_PER_MONTH="1")
    async with running_service(tmp_path, settings) as service:
        await service.phone().say("一")
        await service.phone().texts(count=1)
    for user in ("zhangsan", "lisi"):
        async with running_service(tmp_path, settings) as service:
            await service.phone(user).say("二")
            (refused,) = await service.phone(user).texts(count=1)

            assert "额度已经用完" in refused
    assert 1 == len(model.asked)


async def test_prices_and_budgets_that_are_edited_hold_from_the_next_answer(
    tmp_path: Path, model: OpenAIServer
) -> None:
    model.script(*(Says("回答", usage=(400_000, 0)) for _ in range(2)))
    file = tmp_path / "settings.local.toml"
    await asyncio.to_thread(file.write_text, "[models.default]\ninput_price = 0.0\n")
    async with running_service(tmp_path, bare(model)) as service:
        phone = service.phone()
        await phone.say("一")
        await phone.texts(count=1)
        edited = "[models.default]\ninput_price = 5.0\n[budgets]\nper_user_per_day = 1.5\n"
        await asyncio.to_thread(file.write_text, edited)
        await until(lambda: service.service.settings.budgets.per_user_per_day == 1.5)
        await phone.say("二")
        assert ["回答", "回答"] == await phone.texts(count=2)
        await phone.say("三")
        refused = (await phone.texts(count=3))[-1]

        assert "额度已经用完" in refused
        assert (2_000_000, 2_000_000) == await recorded(service)


async def test_an_answer_that_could_not_be_given_is_paid_all_the_same(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(Says("", finish="content_filter", usage=(400_000, 30_000)))
    async with running_service(
        tmp_path, priced(model, WEBOT_BUDGETS__PER_USER_PER_DAY="1", WEBOT_BUDGETS__PER_DAY="1")
    ) as it:
        phone = it.phone()
        await phone.say("一")
        await phone.texts(count=1)
        await phone.say("二")
        refused = (await phone.texts(count=2))[-1]
        async with it.service.database.read() as connection:
            (row,) = await connection.execute(select(spending.c.answers, spending.c.cost))
            said = await connection.execute(select(func.count()).select_from(messages))

            assert (0, 1_040_000, 0) == (row.answers, row.cost, said.scalar_one())
    assert "额度已经用完" in refused


async def test_who_is_forgotten_has_spent_what_they_have_spent(tmp_path: Path, model: OpenAIServer) -> None:
    model.script(Says("第一个回答", usage=(400_000, 30_000)))
    async with running_service(tmp_path, priced(model, WEBOT_BUDGETS__PER_USER_PER_DAY="1")) as service:
        phone = service.phone()
        said = []
        for count, words in enumerate(("一", "二", "@forget", "@forget yes", "三", "四"), 1):
            await phone.say(words)
            said.append((await phone.texts(count=count))[-1])
        by_person = await usage_report(service.service.database, "person")

    refused = ZH.text("budget.person_day", when="|").partition("|")[0]
    assert "第一个回答" == said[0]
    assert ZH.text("forget.done") == said[3]
    assert [True] * 3 == [said[place].startswith(refused) for place in (1, 4, 5)]
    assert 1 == len(model.asked)
    assert [("(forgotten)", 1, 1_040_000)] == [(each.of, each.answers, each.cost) for each in by_person]


@pytest.mark.parametrize(
    ("answers", "more", "sentence"),
    [
        pytest.param(Says("好"), {}, "好", id="answered"),
        pytest.param(Fails(400, code="whatever"), {}, "", id="refused by the provider"),
        pytest.param(Hangs(), {"WEBOT_LIMITS__TURN_SECONDS": "3"}, "", id="never answered"),
        pytest.param(Says("好"), {"WEBOT_MODELS__DEFAULT__CALL_PRICE": "0.1"}, "额度已经用完", id="over the budget"),
    ],
)
async def test_who_listened_and_who_chose_the_chain_are_paid_whatever_comes_of_the_answer(
    tmp_path: Path, answers: Act, more: dict[str, str], sentence: str
) -> None:
    def otherwise(body: Mapping[str, Any]) -> Act:
        return Says('{"chain": ""}', usage=(100_000, 5)) if body["model"] == "small" else answers

    chains = tmp_path / "data" / "chains"
    await asyncio.to_thread(chains.mkdir, parents=True)
    await asyncio.to_thread((chains / "default.toml").write_text, 'hands_to = ["code"]\nchooser = "small"\n')
    async with OpenAIServer(otherwise=otherwise) as model:
        environ = {
            **bare(model),
            "WEBOT_MODELS__SMALL__BASE_URL": model.base_url,
            "WEBOT_MODELS__SMALL__MODEL": "small",
            "WEBOT_MODELS__SMALL__INPUT_PRICE": "1",
            "WEBOT_MODELS__SPEECH__BASE_URL": model.base_url,
            "WEBOT_MODELS__SPEECH__MODEL": "whisper",
            "WEBOT_MODELS__SPEECH__CALL_PRICE": "0.25",
            "WEBOT_BUDGETS__PER_DAY": "0.3",
            **more,
        }
        async with running_service(tmp_path, environ) as service:
            phone = service.phone()
            await phone.send_voice(tone(1.0))
            (said,) = await phone.texts(count=1)
            await phone.send_voice(tone(1.0))
            _, refused = await phone.texts(count=2)
            costs = {each.of: each.cost for each in await usage_report(service.service.database, "model")}

    assert sentence in said
    assert (250_000, 100_000) == (costs["whisper"], costs["small"])
    assert "额度已经用完" in refused
