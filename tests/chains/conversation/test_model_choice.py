"""`@model`: who may choose what, and what the model chosen is asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chains.catalog.catalog import ChainCatalog
from chains.catalog.config import ChainConfig
from chains.models.registry import ModelRegistry
from pipeline.answer import ModelChosen
from pipeline.errors import SettingsInvalid
from pipeline.events import Clicked, Image
from pipeline.ports import ImageStore
from pipeline.settings import ModelTable, Settings
from pipeline.spending import SpentTotals
from pipeline.text.i18n import Catalogue
from storage.media.files import MediaFolder
from storage.media.images import StoredImages
from tests.chains.harness import PLAIN_CHAIN, ChainsHarness, RecentMemory, open_chains_harness, remembered
from tests.fakes.accounts import FakeAccounts
from tests.fakes.openai_server import Fails, OpenAIServer, Says

ZH = Catalogue("zh")
TRANSLATOR = ChainConfig(name="translator", command="@translate", options={"temperature": 0.1})


@asynccontextmanager
async def choosing(
    server: OpenAIServer,
    *,
    memory: RecentMemory | None = None,
    chain: ChainConfig = PLAIN_CHAIN,
    pictures: ImageStore | None = None,
    vision: bool = False,
) -> AsyncIterator[ChainsHarness]:
    """Open a house in which Alice may choose a fast and a large model, and Bob one of his own."""
    models: dict[str, dict[str, object]] = {
        "fast": {"title": "快速", "about": "日常问答", "model": "qwen_turbo", "users": ["Alice"], "temperature": 0.5},
        "large": {"model": "deepseek-reasoner", "users": ["*"]},
        "secret": {"model": "m", "users": ["bob"]},
        "xl": {"model": "deepseek-chat", "users": ["*"]},
        "empty": {"users": ["*"]},
        "image": {"model": "painter"},
    }
    reached = {"base_url": server.base_url, "max_retries": 0}
    filled = {name: table if name == "empty" else reached | table for name, table in models.items()}
    catalog = ChainCatalog({"default": chain, "translator": TRANSLATOR})
    async with open_chains_harness(
        server.base_url, models=filled, memory=memory, catalog=catalog, pictures=pictures, vision=vision
    ) as it:
        yield it


async def test_the_list_has_what_this_person_may_use_by_number_and_marks_who_answers(server: OpenAIServer) -> None:
    async with choosing(server, memory=RecentMemory(model="large")) as it:
        said = await it.said("@model")

    assert "现在由 **large** 回答" in said
    assert [
        "- **1** 快速：日常问答",
        "- **2** large：deepseek-reasoner（现在）",
        "- **3** xl：deepseek-chat",
    ] == [line for line in said.splitlines() if line.startswith("- ")]


async def test_as_long_as_nothing_is_chosen_the_chains_own_model_answers(server: OpenAIServer) -> None:
    async with choosing(server) as it:
        said = await it.said("@model")

    assert "现在由 **test-model** 回答" in said
    assert "（现在）" not in said


@pytest.mark.parametrize(
    ("order", "chosen"),
    [
        pytest.param("@model 1", "fast", id="by number"),
        pytest.param("@model #2", "large", id="with a sign before it"),
        pytest.param("@模型 ２", "large", id="in full width"),
        pytest.param("@model FAST", "fast", id="by the table's name"),
        pytest.param("@换模型 快速", "fast", id="by the title"),
        pytest.param("@model DeepSeek-Reasoner", "large", id="by the provider's name"),
        pytest.param("@model reason", "large", id="by a part of one"),
    ],
)
async def test_a_model_is_chosen(server: OpenAIServer, order: str, chosen: str) -> None:
    async with choosing(server) as it:
        outcome = await it.outcome(order)

    assert (ModelChosen(chosen),) == outcome.changes


@pytest.mark.parametrize("word", ["default", "默认", "RESET"])
async def test_default_goes_back_to_the_chains_own(server: OpenAIServer, word: str) -> None:
    async with choosing(server, memory=RecentMemory(model="large")) as it:
        outcome = await it.outcome(f"@model {word}")

    assert (ModelChosen(""),) == outcome.changes
    assert ZH.text("choice.reset", name="test-model") in str(outcome.replies)


@pytest.mark.parametrize("wanted", ["secret", "0", "4", "99999999999", "²", "empty", "image", "**x**"])
async def test_what_is_not_offered_cannot_be_chosen(server: OpenAIServer, wanted: str) -> None:
    async with choosing(server) as it:
        outcome = await it.outcome(f"@model {wanted}")

    assert () == outcome.changes
    assert "没有找到" in str(outcome.replies)


async def test_a_word_that_means_several_lists_them_under_their_own_numbers(server: OpenAIServer) -> None:
    async with choosing(server) as it:
        said = await it.said("@model deepseek")

    assert [
        "- **2** large：deepseek-reasoner",
        "- **3** xl：deepseek-chat",
    ] == [line for line in said.splitlines() if line.startswith("- ")]


async def test_the_model_chosen_answers_and_the_transcript_says_so(server: OpenAIServer) -> None:
    server.script(Says("好", model="qwen_turbo-0919"))
    async with choosing(server, memory=RecentMemory(model="fast")) as it:
        outcome = await it.outcome("你好")

    assert [("qwen_turbo", 0.5)] == [(body["model"], body["temperature"]) for body in server.bodies]
    assert ("default", "qwen_turbo-0919") == (
        remembered(outcome).provenance.chain,
        remembered(outcome).provenance.model,
    )


async def test_the_chains_options_go_to_its_own_model_alone(server: OpenAIServer) -> None:
    chain = ChainConfig(name="default", options={"temperature": 0.9, "seed_k": 3}, answer_format="json")
    memory = RecentMemory()
    server.script(*(Says("{}") for _ in range(3)))
    async with choosing(server, memory=memory, chain=chain) as it:
        for model in ("", "fast", "large"):
            memory.model = model
            await it.outcome("你好")

    assert [
        ("test-model", 0.9, 3),
        ("qwen_turbo", 0.5, None),
        ("deepseek-reasoner", None, None),
    ] == [(body["model"], body.get("temperature"), body.get("seed_k")) for body in server.bodies]
    assert [{"type": "json_object"}] * 3 == [body["response_format"] for body in server.bodies]


async def test_a_chain_that_is_called_keeps_its_own_model(server: OpenAIServer) -> None:
    async with choosing(server, memory=RecentMemory(model="fast")) as it:
        await it.outcome("@translate hello")

    assert [("test-model", 0.1)] == [(body["model"], body["temperature"]) for body in server.bodies]


@pytest.mark.parametrize("gone", ["secret", "empty", "image", "no-such"])
async def test_what_is_no_longer_offered_gives_way_to_the_chains_own_and_the_list_says_so(
    server: OpenAIServer, gone: str
) -> None:
    async with choosing(server, memory=RecentMemory(model=gone)) as it:
        await it.outcome("你好")
        said = await it.said("@model")

    assert ["test-model"] == [body["model"] for body in server.bodies]
    assert said.startswith(ZH.text("choice.lapsed", name=gone))


async def test_whether_pictures_are_taken_is_the_chosen_models_affair(server: OpenAIServer, tmp_path: Path) -> None:
    memory = RecentMemory(model="fast")
    pictures = StoredImages(MediaFolder(tmp_path / "media"))
    async with choosing(server, memory=memory, pictures=pictures, vision=True) as it:
        chosen = await it.said(Image("m"))
        memory.model = ""
        own = await it.said(Image("m"))

    # The second is asked for, which no channel of this test could bring.
    assert (ZH.text("picture.blind"), ZH.text("picture.gone")) == (chosen, own)


async def test_a_model_that_takes_no_tools_is_remembered_by_itself(server: OpenAIServer, tmp_path: Path) -> None:
    chain = ChainConfig(name="default", tools=("draw_picture",))
    memory = RecentMemory(model="fast")
    pictures = StoredImages(MediaFolder(tmp_path / "media"))
    server.script(Fails(400, message="tools are not supported"))
    async with choosing(server, memory=memory, chain=chain, pictures=pictures) as it:
        await it.outcome("你好")
        await it.outcome("你好")
        memory.model = ""
        await it.outcome("你好")

    assert [True, False, False, True] == ["tools" in body for body in server.bodies]


@pytest.mark.parametrize(
    ("users", "listed"), [([], False), (["bob"], False), (["alice"], True), (["*"], True)], ids=str
)
async def test_help_shows_it_to_those_who_have_a_choice(
    server: OpenAIServer, users: list[str], *, listed: bool
) -> None:
    models = {"other": {"base_url": server.base_url, "model": "m", "users": users}}
    async with open_chains_harness(server.base_url, models=models) as it:
        said = await it.said("@help")
        alone = await it.said(Clicked("@model"))

    assert listed == ("@model" in said)
    assert listed == (ZH.text("choice.none", name="test-model", lapsed="") != alone)


async def test_the_chains_own_model_alone_is_no_choice(server: OpenAIServer) -> None:
    async with open_chains_harness(server.base_url, users=["*"]) as it:
        assert "@model" not in await it.said("@help")


def test_a_model_that_answers_nobody_cannot_be_offered() -> None:
    with pytest.raises(SettingsInvalid, match=r"\[models.image\].users: only models that answer can be chosen"):
        ModelRegistry(Settings(models={"image": ModelTable(users=("*",))}), ZH)


def test_user_ids_have_no_case() -> None:
    models = ModelRegistry(Settings(models={"a": ModelTable(provider="demo", users=("ZhangSan",))}), ZH)

    assert ("a",) == models.offered_to("zhangsan")
    assert () == models.offered_to("lisi")


async def test_the_list_says_so_while_a_cheaper_model_stands_in(server: OpenAIServer) -> None:
    reached = {"base_url": server.base_url, "max_retries": 0}
    models = {
        "dear": {"model": "dear-model", "users": ["*"], "input_price": 9.0, **reached},
        "small": {"model": "small-model", "title": "小模型", **reached},
    }
    spent = FakeAccounts(SpentTotals(10_000_000, 10_000_000))
    budgets = {"per_user_per_day": 1.0, "cheaper": "small"}
    memory = RecentMemory(model="dear")
    async with open_chains_harness(
        server.base_url, models=models, memory=memory, spending=spent, budgets=budgets
    ) as it:
        said = await it.said("@model")
        await it.outcome("你好")

    assert said.startswith(ZH.text("choice.spent", name="小模型"))
    assert ["small-model"] == [body["model"] for body in server.bodies]
