"""Budgets: who answers when one is spent, and what people are told of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from chains.catalog.catalog import ChainCatalog
from chains.catalog.config import ChainConfig
from chains.models.budget import Budget
from chains.models.prices import MILLION
from chains.models.registry import ModelRegistry
from pipeline.answer import Outcome
from pipeline.errors import SettingsInvalid
from pipeline.replies import TextReply
from pipeline.settings import Budgets, Settings
from pipeline.spending import ModelUsage, SpentTotals, UsageTotals
from pipeline.text.i18n import Catalogue
from tests.chains.harness import ALICE, ask, open_chains_harness, remembered
from tests.fakes.accounts import FakeAccounts
from tests.fakes.openai_server import Act, OpenAIServer, Says

ZH = Catalogue("zh")
PRICES: dict[str, Any] = {"input_price": 2.0, "output_price": 8.0}
SPENT = SpentTotals(10 * MILLION, 10 * MILLION)
EVE = datetime(2026, 12, 31, 23, 59).astimezone().timestamp()


def small(server: OpenAIServer, **more: object) -> dict[str, dict[str, object]]:
    return {"small": {"model": "small-model", "base_url": server.base_url, "max_retries": 0, **more}}


async def test_without_a_budget_nobody_looks_at_what_was_spent(server: OpenAIServer) -> None:
    accounts = FakeAccounts(SPENT, SPENT)
    async with open_chains_harness(server.base_url, spending=accounts, **PRICES) as it:
        await it.said("hi")

    assert (0, []) == (accounts.looked, accounts.added)


@pytest.mark.parametrize(
    ("budgets", "accounts", "sentence"),
    [
        ({"per_user_per_day": 10.0}, FakeAccounts(SPENT), "budget.person_day"),
        ({"per_user_per_month": 10.0}, FakeAccounts(SPENT), "budget.person_month"),
        ({"per_day": 10.0}, FakeAccounts(everybody=SPENT), "budget.all_day"),
        ({"per_month": 10.0}, FakeAccounts(everybody=SPENT), "budget.all_month"),
        ({"per_day": 10.0, "per_user_per_month": 10.0}, FakeAccounts(SPENT, SPENT), "budget.person_month"),
    ],
)
async def test_who_has_spent_a_budget_is_told_so_and_no_model_is_asked(
    server: OpenAIServer, budgets: dict[str, float], accounts: FakeAccounts, sentence: str
) -> None:
    async with open_chains_harness(server.base_url, spending=accounts, budgets=budgets, **PRICES) as it:
        outcome = await it.outcome("hi")

    (reply,) = outcome.replies
    assert isinstance(reply, TextReply)
    assert ZH.text(sentence, when="|").partition("|")[0] in reply.text
    assert ((), []) == (outcome.changes, server.asked)


async def test_what_is_left_is_enough_for_one_more(server: OpenAIServer) -> None:
    server.script(Says("Yes.", usage=(1000, 10)))
    accounts = FakeAccounts(SpentTotals(10 * MILLION - 1, 10 * MILLION - 1))
    budgets = {"per_user_per_day": 10.0, "per_day": 10.0}
    async with open_chains_harness(server.base_url, spending=accounts, budgets=budgets, **PRICES) as it:
        said = remembered(await it.outcome("hi"))

    assert ([2080], 2080) == (accounts.added, said.provenance.cost)


async def test_a_cheaper_model_answers_when_a_budget_is_spent(server: OpenAIServer) -> None:
    budgets = {"per_user_per_day": 10.0, "cheaper": "small"}
    async with open_chains_harness(
        server.base_url, spending=FakeAccounts(SPENT), budgets=budgets, models=small(server, input_price=0.5), **PRICES
    ) as it:
        said = remembered(await it.outcome("hi"))

    assert ["small-model"] == [body["model"] for body in server.bodies]
    assert ("small-model", round(11 * 0.5)) == (said.provenance.model, said.provenance.cost)


async def test_a_model_without_a_price_answers_whatever_was_spent(server: OpenAIServer) -> None:
    accounts = FakeAccounts(SPENT, SPENT)
    async with open_chains_harness(
        server.base_url, spending=accounts, budgets={"per_day": 1.0}, models=small(server, **PRICES)
    ) as it:
        await it.said("hi")

    assert (1, 0) == (len(server.asked), accounts.looked)


async def test_a_model_without_a_price_that_may_fall_back_on_a_dear_one_is_not_free(server: OpenAIServer) -> None:
    async with open_chains_harness(
        server.base_url,
        spending=FakeAccounts(SPENT),
        budgets={"per_user_per_day": 10.0},
        models=small(server, **PRICES),
        fallbacks=["small"],
    ) as it:
        await it.said("hi")

    assert [] == server.asked


async def test_commands_work_when_the_budget_is_spent(server: OpenAIServer) -> None:
    async with open_chains_harness(
        server.base_url, spending=FakeAccounts(SPENT), budgets={"per_user_per_day": 10.0}, **PRICES
    ) as it:
        assert "@usage" in await it.said("@help")
        assert ZH.text("usage.person_day_spent", when="|").partition("|")[0] in await it.said("@usage")


async def test_nobody_is_asked_to_choose_a_chain_that_cannot_answer() -> None:
    def otherwise(body: Mapping[str, Any]) -> Act:
        return Says('{"chain": "code"}') if body.get("response_format") else Says("answer")

    catalog = ChainCatalog(
        {"default": ChainConfig(name="default", hands_to=("code",)), "code": ChainConfig(name="code")}
    )
    async with (
        OpenAIServer(otherwise=otherwise) as server,
        open_chains_harness(
            server.base_url, catalog=catalog, spending=FakeAccounts(SPENT), budgets={"per_user_per_day": 1.0}, **PRICES
        ) as it,
    ):
        await it.said("hi")

        assert [] == server.asked


async def test_usage_says_what_was_used_and_what_is_left() -> None:
    large = ModelUsage("large", UsageTotals(2, 3000, 400, 12_345), UsageTotals(10, 30_000, 4000, 2_500_000))
    tiny = ModelUsage("tiny", UsageTotals(), UsageTotals(1, 10, 5, 0))
    accounts = FakeAccounts(SpentTotals(12_345, 2_500_000), SpentTotals(), (large, tiny))
    budgets = {"per_user_per_day": 1.0, "per_user_per_month": 2.5, "per_day": 7.0, "cheaper": "default"}
    async with open_chains_harness(spending=accounts, budgets=budgets) as it:
        said = await it.said("@用量")

    assert said.splitlines()[2:-2] == [
        "- 今天：2 次回答，输入 3,000、输出 400 个 token，约 0.0123 元",
        "- 本月：11 次回答，输入 30,010、输出 4,005 个 token，约 2.50 元",
        "- 其中 **large**：10 次回答，输入 30,000、输出 4,000 个 token，约 2.50 元",
        "- 其中 **tiny**：1 次回答，输入 10、输出 5 个 token",
        "- 今天还可以用 0.9877 元（每天 1.00 元）",
    ]
    assert said.splitlines()[-2].startswith("- 您本月的额度已用完")
    assert said.splitlines()[-1] == "- 在此之前由 **demo** 回答"


async def test_usage_counts_pictures_as_pictures_and_names_models_as_people_choose_them() -> None:
    chat = ModelUsage("large", UsageTotals(2, 30, 4, 0), UsageTotals(2, 30, 4, 0))
    drawn = ModelUsage("painter-1", UsageTotals(3, 0, 0, 0), UsageTotals(3, 0, 0, 0))
    models = {
        "big": {"model": "large", "base_url": "http://127.0.0.1:9", "title": "大模型"},
        "image": {"model": "painter-1", "base_url": "http://127.0.0.1:9"},
    }
    accounts = FakeAccounts(SpentTotals(), SpentTotals(), (chat, drawn))
    async with open_chains_harness(spending=accounts, models=models, budgets={"currency": "usd"}) as it:
        said = await it.said("@用量")
    pictures = FakeAccounts(SpentTotals(), SpentTotals(), (replace(drawn, month=UsageTotals(3, 0, 0, 2_500_000)),))
    async with open_chains_harness(
        spending=pictures, models=models, budgets={"currency": "XXX"}, chat={"language": "en"}
    ) as it:
        english = await it.said("@usage")

    assert [
        "- 今天：2 次回答，输入 30、输出 4 个 token，3 张图片",
        "- 本月：2 次回答，输入 30、输出 4 个 token，3 张图片",
        "- 其中 **大模型**：2 次回答，输入 30、输出 4 个 token",
        "- 其中 **painter-1**：3 张图片",
    ] == said.splitlines()[2:]
    assert ["- Today: 3 pictures", "- This month: 3 pictures, about 2.50 XXX"] == english.splitlines()[2:]


async def test_usage_of_somebody_who_has_not_asked_anything() -> None:
    async with open_chains_harness(spending=FakeAccounts()) as it:
        assert ZH.text("usage.none") == await it.said("@usage")


def budget(accounts: FakeAccounts, at: float = EVE, **budgets: object) -> Budget:
    priced = {"model": "m", "base_url": "http://127.0.0.1:9", **PRICES}
    settings = Settings.model_validate({"models": {"default": priced}, "budgets": budgets})
    models = ModelRegistry(settings, ZH)
    return Budget(settings.budgets, models=models, spending=accounts, catalogue=ZH, clock=lambda: at)


async def test_a_budget_begins_anew_on_the_next_day_or_the_first_of_the_next_month() -> None:
    limits = await budget(FakeAccounts(), per_user_per_day=1.0, per_user_per_month=1.0, per_month=3.0).limits(ALICE)

    assert [
        ("person", "day", MILLION, date(2027, 1, 1)),
        ("person", "month", MILLION, date(2027, 1, 1)),
        ("all", "month", 3 * MILLION, date(2027, 1, 1)),
    ] == [(limit.whose, limit.period, limit.most, limit.renewed) for limit in limits]


async def test_the_operator_is_told_once_that_a_budget_ends_and_once_that_it_has_ended() -> None:
    accounts = FakeAccounts(everybody=SpentTotals(8 * MILLION - 1, 8 * MILLION - 1))
    it = budget(accounts, per_day=10.0, warn_at=0.8)
    with capture_logs() as logs:
        await it.acquire("default", ask("hi"))
        assert [] == logs
        for paid in (8, 9, 10, 11):
            accounts.everybody = SpentTotals(paid * MILLION, paid * MILLION)
            await it.acquire("default", ask("hi"))

    assert ["budget_nearly_spent", "all_budget_spent"] == [
        line["event"] for line in logs if line["log_level"] == "warning"
    ]


@pytest.mark.parametrize("amount", [1e-9, 0.000001])
async def test_the_smallest_budget_is_still_one(amount: float) -> None:
    fresh = budget(FakeAccounts(), per_user_per_day=amount)
    gone = budget(FakeAccounts(SpentTotals(1, 1)), per_user_per_day=amount)

    assert "default" == await fresh.acquire("default", ask("hi"))
    assert isinstance(await gone.acquire("default", ask("hi")), Outcome)


def test_a_cheaper_model_has_to_be_one() -> None:
    with pytest.raises(SettingsInvalid, match=r"\[budgets\]\.cheaper: found 'large', there are default"):
        budget(FakeAccounts(), cheaper="large")


def test_a_budget_that_no_price_ever_spends_is_told_of() -> None:
    settings = Settings(budgets=Budgets(per_day=1.0))
    with capture_logs() as logs:
        Budget(settings.budgets, models=ModelRegistry(settings, ZH), spending=FakeAccounts(), catalogue=ZH)

    assert ["budget_without_prices"] == [line["event"] for line in logs]


def test_sums_add_up() -> None:
    one = UsageTotals(1, 2, 3, 4)

    assert replace(one, cost=8, answers=2, input_tokens=4, output_tokens=6) == one + one
