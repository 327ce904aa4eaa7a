"""Models added and changed in the console: what the files say then, and that the next answer comes from them."""

import asyncio
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from storage.conversations.audit import deeds
from tests.fakes.openai_media import HEARD
from tests.fakes.openai_server import Fails, OpenAIServer, Says
from tests.service import RunningService, running_service
from tests.web.console.test_pages import HOSTILE

pytestmark = pytest.mark.asyncio(loop_scope="session")

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


@pytest_asyncio.fixture(loop_scope="session")
async def former() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(otherwise=lambda _: Says("from the former")) as server:
        yield server


@pytest_asyncio.fixture(loop_scope="session")
async def other() -> AsyncIterator[OpenAIServer]:
    async with OpenAIServer(otherwise=lambda _: Says("from the other")) as server:
        yield server


def place(folder: Path, former: OpenAIServer) -> None:
    (folder / "settings.local.toml").write_text(LOCAL.format(url=former.base_url), encoding="utf-8")
    (folder / ".secrets.toml").write_text(f'[models.default]\napi_key = "{KEY}"\n', encoding="utf-8")


@pytest_asyncio.fixture(loop_scope="session")
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
        "option_temperature": "0.3",
        "option_max_tokens": "",
        "options": "top_p = 0.9\r\n",
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
            {"options": "top_p = ", "output_price": "1"},
            {"options": "top_p = 7", "output_price": "1"},
            {"mark": "0" * 16, "output_price": "1"},
            {"name": "default"},
        )
    ]
    untouched = (tmp_path / "settings.local.toml").read_text(encoding="utf-8")
    added = await service.console.post(path, data=fields | {"output_price": "4"}, headers=ENGLISH)
    table = service.service.settings.models["fast"]
    listed = (await service.console.get("/console/models", headers=ENGLISH)).text

    assert [422, 422, 422, 422, 422, 422, 422, 409, 409] == [each.status_code for each in wrong]
    assert before == untouched
    assert "nobody" in wrong[2].text
    assert OTHER_KEY not in "".join(each.text for each in wrong)
    assert (303, "/console/models?saved=fast") == (added.status_code, added.headers["location"])
    assert {"temperature": 0.3, "top_p": 0.9} == table.own
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


async def test_the_api_adds_changes_and_removes_a_model_and_shows_no_secret(
    service: RunningService, other: OpenAIServer, tmp_path: Path
) -> None:
    console, path = service.console, "/api/v1/models/fast"
    headers = {"Authorization": f"Bearer {KEY}"}
    body: dict[str, object] = {"model": "m", "base_url": other.base_url, "api_key": OTHER_KEY, "fallbacks": ["default"]}
    body["options"] = {"temperature": 0.2, "extra_headers": headers}
    added = await console.put(path, json=body, headers={"If-None-Match": "*"})
    twice = await console.put(path, json=body, headers={"If-None-Match": "*"})
    unsaid = await console.put(path, json=body)
    seen = {"If-Match": added.headers["ETag"]}
    same = {"timeout": 30, "options": added.json()["options"] | {"temperature": None}}
    changed = await console.put(path, json=same, headers=seen)
    stale = await console.put(path, json={"timeout": 40}, headers=seen)
    seen = {"If-Match": changed.headers["ETag"]}
    wrong = await console.put(path, json={"fallbacks": ["nobody"]}, headers=seen)
    kept = await console.delete("/api/v1/models/default", headers=seen)
    table = service.service.settings.models["fast"]
    removed = await console.delete(path, headers=seen)
    gone = await console.get(path)
    local = (tmp_path / "settings.local.toml").read_text(encoding="utf-8")
    secrets = tomllib.loads((tmp_path / ".secrets.toml").read_text(encoding="utf-8"))
    noted = [(each.action, each.details) for each in await deeds(service.service.database)]

    assert [200, 412, 428, 200, 412] == [each.status_code for each in (added, twice, unsaid, changed, stale)]
    assert [422, 422, 204, 404] == [each.status_code for each in (wrong, kept, removed, gone)]
    assert (OTHER_KEY, 30.0, {"extra_headers": headers}) == (table.key, table.timeout, table.own)
    assert "nobody" in wrong.json()["detail"]
    assert added.json()["has_key"]
    for answer in (added, changed, wrong, kept, gone):
        assert OTHER_KEY not in answer.text
        assert KEY not in answer.text
    assert LOCAL.format(url=table.base_url and service.service.settings.models["default"].base_url) == local
    assert {"models": {"default": {"api_key": KEY}}} == secrets
    first = ["api_key", "base_url", "extra_headers", "fallbacks", "model", "temperature"]
    assert [
        ("model_remove", {"model": "fast"}),
        ("model_edit", {"model": "fast", "keys": ["temperature", "timeout"]}),
        ("model_edit", {"model": "fast", "keys": first}),
    ] == noted


async def test_a_model_that_something_uses_is_kept_on_the_page_and_another_is_removed(
    service: RunningService, other: OpenAIServer
) -> None:
    console = service.console
    body = {"model": "m", "base_url": other.base_url}
    for name in ("fast", "slow"):
        added = await console.put(f"/api/v1/models/{name}", json=body, headers={"If-None-Match": "*"})
        assert 200 == added.status_code
    path = "/api/v1/models/default"
    seen = {"If-Match": (await console.get(path)).headers["ETag"]}
    assert 200 == (await console.put(path, json={"fallbacks": ["fast"]}, headers=seen)).status_code
    used = await console.get("/console/models/fast/edit", headers=ENGLISH)
    fields = {"mark": await mark(service, "/console/models/slow/edit")}
    refused = await console.post("/console/models/fast/remove", data=fields, headers=ENGLISH)
    removed = await console.post("/console/models/slow/remove", data=fields, headers=ENGLISH)

    assert "The model default has it among its fallbacks." in used.text
    assert "/console/models/fast/remove" not in used.text
    assert (422, 303, "/console/models?removed=slow") == (
        refused.status_code,
        removed.status_code,
        removed.headers["location"],
    )
    assert {"default", "fast", "image"} == set(service.service.settings.models)


async def test_of_two_who_save_at_once_one_is_told_and_nothing_of_either_is_lost(service: RunningService) -> None:
    path = "/api/v1/models/default"
    seen = {"If-Match": (await service.console.get(path)).headers["ETag"]}
    both = [service.console.put(path, json={key: "x"}, headers=seen) for key in ("title", "about")]
    answers = await asyncio.gather(*both)
    table = service.service.settings.models["default"]

    assert [200, 412] == sorted(answer.status_code for answer in answers)
    assert ["", "x"] == sorted((table.title, table.about))


async def test_the_models_for_pictures_and_speech_are_changed_tested_and_removed_like_the_others(
    service: RunningService, other: OpenAIServer, tmp_path: Path
) -> None:
    console = service.console
    before = (tmp_path / "settings.local.toml").read_text(encoding="utf-8")
    form = (await console.get("/console/models/speech/edit", headers=ENGLISH)).text
    asked = {"model": "hears", "base_url": other.base_url, "api_key": OTHER_KEY, "call_price": "0.5"}
    speech = asked | {"option_language": "zh", "option_speaking_model": "speaks", "option_voice": "", "options": ""}
    image = asked | {"model": "draws", "option_size": "64x48", "option_quality": "", "options": 'style = "plain"'}
    untested = await console.post("/console/models/speech/test", headers=ENGLISH)
    saved = [
        await console.post(path, data=fields | {"mark": await mark(service, path)}, headers=ENGLISH)
        for path, fields in (("/console/models/speech/edit", speech), ("/console/models/image/edit", image))
    ]
    tables = service.service.settings.models
    tested = [
        (await console.post(f"/console/models/{name}/test", headers=ENGLISH)).text for name in ("speech", "image")
    ]
    by_api = (await console.post("/api/v1/models/image/test")).json()
    other.script(Fails(401, message=f"wrong key {OTHER_KEY}"))
    refused = (await console.post("/api/v1/models/speech/test", headers={"Accept-Language": "en"})).json()
    changed = (await console.get("/console/models/image/edit", headers=ENGLISH)).text
    seen = {"mark": await mark(service, "/console/models/speech/edit")}
    removed = await console.post("/console/models/speech/remove", data=seen, headers=ENGLISH)
    local = (tmp_path / "settings.local.toml").read_text(encoding="utf-8")
    secrets = tomllib.loads((tmp_path / ".secrets.toml").read_text(encoding="utf-8"))["models"]

    assert 'name="option_speaking_model"' in form
    assert 'name="users"' not in form
    assert 404 == untested.status_code
    assert [303, 303] == [answer.status_code for answer in saved]
    assert {"language": "zh", "speaking_model": "speaks"}.items() <= tables["speech"].own.items()
    assert {"size": "64x48", "style": "plain"}.items() <= tables["image"].own.items()
    assert (0.5, OTHER_KEY) == (tables["image"].call_price, tables["image"].key)
    assert "speaks read a sentence aloud" in tested[0]
    assert f"It understood “{HEARD}”" in tested[0]
    assert "a picture of 64x48 pixels" in tested[1]
    assert ("draws", "64x48", "") == (by_api["model"], by_api["picture"], by_api["error"])
    assert "[models.speech]" in refused["error"]
    assert "401" in refused["error"]
    assert ["/v1/audio/speech", "/v1/audio/transcriptions", "/v1/images/generations"] == [
        each.path for each in other.asked[:3]
    ]
    assert "64x48" in changed
    assert (303, "/console/models?removed=speech") == (removed.status_code, removed.headers["location"])
    assert local.startswith(before.rstrip())
    assert ({"default", "image"}, "speaks" in local) == (set(secrets), False)
    assert OTHER_KEY not in "".join([*tested, changed, str(by_api), str(refused)])


async def test_the_models_for_pictures_and_speech_stand_on_the_page_and_in_the_api(
    tmp_path: Path, former: OpenAIServer
) -> None:
    place(tmp_path, former)
    speech = f'[models.speech]\nmodel = "whisper"\nspeaking_model = "tts"\nbase_url = "{former.base_url}"\n'
    speech += "call_price = 0.5\n"
    local = tmp_path / "settings.local.toml"
    local.write_text(f'{local.read_text()}{speech}api_key = "{OTHER_KEY}"\n', encoding="utf-8")
    (tmp_path / "fresh").mkdir()
    async with running_service(tmp_path) as service:
        pages = {
            lang: (await service.console.get(f"/console/models?lang={lang}", headers=ENGLISH)).text
            for lang in ("en", "zh")
        }
        listed = (await service.console.get("/api/v1/models")).json()
    async with running_service(tmp_path / "fresh") as service:
        fresh = (await service.console.get("/api/v1/models")).json()

    image, speech_model = listed["media"]
    assert ("image", "off", "") == (image["name"], image["state"], image["layer"])
    assert ("speech", "on", "whisper", "tts", 0.5) == tuple(
        speech_model[key] for key in ("name", "state", "model", "speaking_model", "call_price")
    )
    assert "settings.local.toml" in speech_model["layer"]
    assert ["demo", "off"] == [each["state"] for each in fresh["media"]]
    for said in ("Nothing draws", "whisper", "0.5 yuan a call", "/models/speech/edit"):
        assert said in pages["en"]
    for said in ("不能画图", "whisper", "每次调用 0.5 元", "/models/image/edit"):
        assert said in pages["zh"]
    assert OTHER_KEY not in "".join([*pages.values(), str(listed)])
