"""The page and the API of users and tokens, and the shell's verbs: added, changed, signed out, removed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from storage.accounts.users import LastOperator, change_role, list_users, remove_user
from storage.conversations.audit import deeds
from storage.database.engine import Database
from tests.service import RunningService, running_service
from tests.web.shell import webot_here
from web.operator.accounts import add_account
from web.security.role_names import Role

on_the_browsers_loop = pytest.mark.asyncio(loop_scope="session")

PASSWORD = "correct horse battery"
EN = {"Accept": "text/html", "Accept-Language": "en"}


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    async with running_service(tmp_path) as opened:
        opened.console.headers["Accept-Language"] = "en"
        yield opened


async def post(service: RunningService, path: str, **form: str) -> httpx2.Response:
    return await service.console.post(f"/console{path}", data=form, headers=EN)


@asynccontextmanager
async def sign_in(service: RunningService, name: str, password: str = PASSWORD) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a browser of its own in which a user has signed in."""
    async with httpx2.AsyncClient(base_url=service.console.base_url, trust_env=False) as browser:
        entered = await browser.post("/console/sign-in", data={"name": name, "password": password}, headers=EN)
        assert 303 == entered.status_code, entered.text
        yield browser


@on_the_browsers_loop
async def test_an_operator_adds_changes_signs_out_and_removes_users_on_the_page(service: RunningService) -> None:
    assert "There are no users yet" in (await service.console.get("/console/users", headers=EN)).text
    first = await post(service, "/users", name="boss", role="operator", password=PASSWORD)
    assert (303, "/console/users") == (first.status_code, first.headers["location"])
    # From now on everyone signs in.
    assert 401 == (await service.console.get("/api/v1/users")).status_code

    async with sign_in(service, "boss") as boss:
        added = await boss.post("/console/users", data={"name": "王芳", "role": "reader", "password": PASSWORD})
        assert 303 == added.status_code
        async with sign_in(service, "王芳") as reader:
            assert 403 == (await reader.get("/console/users", headers=EN)).status_code
            page = (await boss.get("/console/users", headers=EN)).text
            assert "王芳" in page
            assert "Sessions 1" in page

            # What she may do changes, so she signs in again.
            await boss.post("/console/users/王芳/role", data={"role": "prompt_engineer"})
            assert 401 == (await reader.get("/api/v1/status")).status_code
        async with sign_in(service, "王芳") as engineer:
            assert 200 == (await engineer.get("/api/v1/chains")).status_code
            await boss.post("/console/users/王芳/sign-out")
            assert 401 == (await engineer.get("/api/v1/chains")).status_code
        await boss.post("/console/users/王芳/password", data={"password": PASSWORD + "!"})
        async with sign_in(service, "王芳", PASSWORD + "!") as engineer:
            await boss.post("/console/users/王芳/remove")
            assert 401 == (await engineer.get("/api/v1/chains")).status_code

        for path, form, status, said in (
            ("/users", {"name": "boss", "role": "reader", "password": PASSWORD}, 409, "a user &#39;boss&#39; already"),
            ("/users", {"name": "li", "role": "reader", "password": "short"}, 422, "fewer than 12 characters"),
            (
                "/users",
                {"name": "<b>", "role": "reader", "password": PASSWORD},
                422,
                "&#39;&lt;b&gt;&#39; cannot be used as a name",
            ),
            ("/users/boss/role", {"role": "reader"}, 409, "boss is the last operator"),
            ("/users/boss/remove", {}, 409, "boss is the last operator"),
            ("/users/ghost/sign-out", {}, 404, "there is no user &#39;ghost&#39;"),
        ):
            refused = await boss.post(f"/console{path}", data=form, headers=EN)
            assert status == refused.status_code, path
            assert said in refused.text, path
        assert 422 == (await boss.post("/console/users/boss/role", data={"role": "king"})).status_code

    acts = [deed.action for deed in await deeds(service.service.database) if deed.who == "console:boss"]
    assert ["user_remove", "user_password", "user_sign_out", "user_role", "user_add"] == [
        each for each in acts if each.startswith("user_")
    ]


@on_the_browsers_loop
async def test_a_token_is_shown_once_and_opens_nothing_once_revoked(service: RunningService) -> None:
    made = await post(service, "/tokens", name="ci", role="reader", days="30")
    token = made.text.partition("webot_")[2].partition("<")[0]
    bearer = {"Authorization": f"Bearer webot_{token}"}
    assert "no-store" == made.headers["cache-control"]
    assert 200 == (await service.console.get("/api/v1/usage", headers=bearer)).status_code
    page = (await service.console.get("/console/users", headers=EN)).text
    assert "ci" in page
    assert token not in page

    assert 409 == (await post(service, "/tokens", name="ci", role="reader", days="30")).status_code
    assert 422 == (await post(service, "/tokens", name="cd", role="reader", days="0")).status_code
    assert 303 == (await post(service, "/tokens/ci/revoke")).status_code
    assert 401 == (await service.console.get("/api/v1/usage", headers=bearer)).status_code
    assert "there is no token &#39;ci&#39;" in (await post(service, "/tokens/ci/revoke")).text


@on_the_browsers_loop
async def test_programs_do_the_same_over_the_api(service: RunningService) -> None:
    console = service.console
    token = (await console.post("/api/v1/tokens", json={"name": "ci", "role": "operator"})).json()["token"]
    console.headers["Authorization"] = f"Bearer {token}"
    user = {"name": "boss", "role": "operator", "password": PASSWORD}
    made = await console.post("/api/v1/users", json=user)
    assert (201, "boss", 0) == (made.status_code, made.json()["name"], made.json()["sessions"])
    assert 409 == (await console.post("/api/v1/users", json=user)).status_code
    last = await console.patch("/api/v1/users/boss", json={"role": "reader"})
    assert (409, "boss is the last operator; make another user an operator first") == (
        last.status_code,
        last.json()["detail"],
    )
    async with sign_in(service, "boss") as boss:
        assert 200 == (await boss.get("/api/v1/users")).status_code
        assert {"sessions": 1} == (await console.post("/api/v1/users/boss/sign-out")).json()
        assert 401 == (await boss.get("/api/v1/users")).status_code
    other = await console.post("/api/v1/users", json=user | {"name": "li"})
    assert "operator" == other.json()["role"]
    changed = await console.patch("/api/v1/users/boss", json={"role": "reader", "password": PASSWORD + "!"})
    assert "reader" == changed.json()["role"]
    assert 204 == (await console.delete("/api/v1/users/boss")).status_code
    assert 404 == (await console.delete("/api/v1/users/boss")).status_code
    listed = (await console.get("/api/v1/tokens")).json()["items"]
    assert ["ci"] == [each["name"] for each in listed]
    assert token not in json.dumps(listed)
    assert 204 == (await console.delete("/api/v1/tokens/ci")).status_code
    assert 401 == (await console.get("/api/v1/tokens")).status_code


@on_the_browsers_loop
async def test_there_is_a_way_to_sign_out_at_every_width(service: RunningService, browser_page: Page) -> None:
    page, name = browser_page, "somebody.with.a.long.name.of.their.own"
    await post(service, "/users", name=name, role="operator", password=PASSWORD)
    await page.goto(f"{service.console.base_url}/console/sign-in?next=/console/status&lang=en")
    await page.locator("[name=name]").fill(name)
    await page.locator("[name=password]").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/console/status")
    sign_out = page.locator("form[action*='/sign-out'] button:visible")
    for path, width, opens in (
        ("/status", 1300, ""),
        ("/status", 390, ".fold-menu summary"),
        ("", 1300, ""),
        ("", 900, ""),
        ("", 390, ".top [data-side]"),
    ):
        await page.set_viewport_size({"width": width, "height": 700})
        await page.goto(f"{service.console.base_url}/console{path}?lang=en")
        if opens:
            await page.locator(opens).click()
        await expect(sign_out).to_have_count(1)
        await expect(sign_out).to_be_in_viewport(ratio=1)

    await sign_out.click()
    await page.wait_for_url("**/console/sign-in*")


async def test_of_two_operators_who_remove_each_other_one_stays(database: Database) -> None:
    for name in ("ann", "bob"):
        await add_account(database, name, Role.OPERATOR, PASSWORD, by="t")

    ended = await asyncio.gather(
        remove_user(database, "ann"), change_role(database, "bob", Role.READER, keep=()), return_exceptions=True
    )
    assert [LastOperator] == [type(each) for each in ended if isinstance(each, BaseException)]
    assert 1 == sum(user.role == Role.OPERATOR for user in await list_users(database))


def test_the_shell_changes_roles_and_keeps_the_last_operator(tmp_path: Path) -> None:
    where = {
        "WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{tmp_path}/webot.db",
        "WEBOT_STORAGE__DATA_DIR": f"{tmp_path}/data",
    }

    def user(*verb: str) -> tuple[int, str]:
        ran = webot_here("console", "user", *verb, folder=tmp_path, environ=where)
        return ran.code, ran.out + ran.err

    assert 0 == user("add", "boss", "--password", PASSWORD)[0]
    code, said = user("role", "boss", "reader")
    assert (code != 0, "boss 是最后一个管理员" in said) == (True, True), said
    assert "是最后一个管理员" in user("remove", "boss")[1]
    user("add", "li", "--role", "reader", "--password", PASSWORD)
    assert "li 从现在起以 operator 的身份登录" in user("role", "li", "operator")[1]
    assert "boss 不能再登录" in user("remove", "boss")[1]
    assert "li：已退出 0 处登录" in user("sign-out", "li")[1]
    assert "没有用户“ghost”" in user("role", "ghost", "reader")[1]
