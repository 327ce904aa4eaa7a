"""Models added and changed in the console: what the files say then, and that the next answer comes from them."""

import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from storage.conversations.audit import deeds
from tests.fakes.openai_server import OpenAIServer, Says
from tests.service import RunningService, running_service
from tests.web.console.test_pages import HOSTILE, browser_page

__all__ = ("browser_page",)

KEY = "sk-former-0123456789"
OTHER_KEY = "sk-other-0123456789"
ENGLISH = {"Accept": "text/html", "Accept-Language": "en"}
LOCAL = """# Ours.
[models.default]
model = "former"  # until spring
base_url = "{url}"
max_retries = 0

# By night.
[chat]
turns = 3
"""


@pytest.fixture
async def former() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(otherwise=lambda _: Says("from the former")) as server:
        yield server


@pytest.fixture
async def other() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(otherwise=lambda _: Says("from the other")) as server:
        yield server


def place(folder: Path, former: OpenAIServer) -> None:
    (folder / "settings.local.toml").write_text(LOCAL.format(url=former.base_url), encoding="utf-8")
    (folder / ".secrets.toml").write_text(f'[models.default]\napi_key = "{KEY}"\n', encoding="utf-8")


@pytest.fixture
async def service(tmp_path: Path, former: OpenAIServer) -> AsyncIterator[RunningService]:
    place(tmp_path, former)
    async with running_service(tmp_path) as opened:
        yield opened


async def mark(service: RunningService, path: str) -> str:
    page = (await service.console.get(path, headers=ENGLISH)).text
    return page.partition('name="mark" value="')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("lang", "change", "save", "said"),
    [("en", "Change", "Save", "in use from the next answer on"), ("zh", "修改", "保存", "从下一个回答起生效")],
)
async def test_a_model_is_changed_and_the_next_answer_comes_from_it(
    service: RunningService,
    other: OpenAIServer,
    browser_page: Page,
    tmp_path: Path,
    lang: str,
    change: str,
    save: str,
    said: str,
) -> None:
    page = browser_page
    page.on("pageerror", lambda error: pytest.fail(f"the page's script failed: {error}"))
    await page.goto(f"{service.console.base_url}/console/models?lang={lang}")
    await page.get_by_role("link", name=change, exact=True).first.click()
    assert KEY not in await page.content()
    await page.locator("input[name=model]").fill("new-model")
    await page.locator("input[name=base_url]").fill(other.base_url)
    await page.locator("input[name=api_key]").fill(OTHER_KEY)
    await page.get_by_role("button", name=save).click()
    await expect(page.locator(".told")).to_contain_text(said)
    await expect(page.locator("main")).to_contain_text("new-model")
    phone = service.phone()
    await phone.say("who?")
    local = (tmp_path / "settings.local.toml").read_text(encoding="utf-8")
    secrets = (tmp_path / ".secrets.toml").read_text(encoding="utf-8")

    assert ["from the other"] == await phone.texts(count=1)
    assert OTHER_KEY in other.asked[-1].headers["authorization"]
    assert LOCAL.format(url=other.base_url).replace("former", "new-model") == local
    assert {"models": {"default": {"api_key": OTHER_KEY}}} == tomllib.loads(secrets)
    assert OTHER_KEY not in await page.content()
    edits = [deed for deed in await deeds(service.service.database) if deed.action == "model_edit"]
    assert [{"model": "default", "keys": ["api_key", "base_url", "model"]}] == [deed.details for deed in edits]


async def test_a_model_is_added_and_what_is_wrong_with_one_is_said_with_nothing_written(
    service: RunningService, other: OpenAIServer, tmp_path: Path
) -> None:
    path = "/console/models/new"
    fields = {
        "mark": await mark(service, path),
        "name": "fast",
        "provider": "openai",
        "model": "m",
        "base_url": other.base_url,
        "api_key": OTHER_KEY,
        "users": "lisi, wangwu",
        "fallbacks": "",
        "input_price": "2.5",
        "output_price": "",
        "timeout": "30",
        "title": HOSTILE,
        "about": "",
        "vision_shown": "1",
        "vision": "on",
    }
    before = (tmp_path / "settings.local.toml").read_text(encoding="utf-8")
    wrong = [
        await service.console.post(path, data=fields | change, headers=ENGLISH)
        for change in (
            {"output_price": "much"},
            {"name": "../x", "output_price": "1"},
            {"fallbacks": "nobody", "output_price": "1"},
            {"output_price": "-1"},
            {"base_url": "nowhere", "output_price": "1"},
            {"mark": "0" * 16, "output_price": "1"},
            {"name": "default"},
        )
    ]
    untouched = (tmp_path / "settings.local.toml").read_text(encoding="utf-8")
    added = await service.console.post(path, data=fields | {"output_price": "4"}, headers=ENGLISH)
    table = service.service.settings.models["fast"]
    listed = (await service.console.get("/console/models", headers=ENGLISH)).text

    assert [422, 422, 422, 422, 422, 409, 409] == [each.status_code for each in wrong]
    assert before == untouched
    assert "nobody" in wrong[2].text
    assert OTHER_KEY not in "".join(each.text for each in wrong)
    assert (303, "/console/models?saved=fast") == (added.status_code, added.headers["location"])
    assert (("lisi", "wangwu"), 2.5, 4.0, True) == (table.users, table.input_price, table.output_price, table.vision)
    assert "settings.local.toml" in listed
    assert OTHER_KEY not in listed


async def test_a_key_of_the_environment_and_a_folder_that_cannot_be_written_are_named(
    tmp_path: Path, former: OpenAIServer, other: OpenAIServer
) -> None:
    place(tmp_path, former)
    local = tmp_path / "settings.local.toml"
    async with running_service(tmp_path, {"WEBOT_MODELS__DEFAULT__MODEL": "fixed"}) as service:
        path = "/console/models/default/edit"
        form = await service.console.get(path, headers=ENGLISH)
        seen = await mark(service, path)
        vain = await service.console.post(path, data={"mark": seen, "model": "new"}, headers=ENGLISH)
        same = await service.console.post(path, data={"mark": seen, "title": ""}, headers=ENGLISH)
        local.unlink()
        local.symlink_to(tmp_path / "gone" / "settings.local.toml")
        seen = await mark(service, path)
        unwritable = await service.console.post(path, data={"mark": seen, "base_url": other.base_url}, headers=ENGLISH)

    assert "set by WEBOT_MODELS__DEFAULT__MODEL" in form.text
    assert "set by WEBOT_MODELS__DEFAULT__MODEL" in vain.text
    assert 303 == same.status_code
    assert "cannot be written" in unwritable.text
    assert [422, 422] == [vain.status_code, unwritable.status_code]
