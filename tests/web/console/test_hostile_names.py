"""Names that are script, or tricks with directions and controls: on every page they are text and nothing else."""

from pathlib import Path

from pipeline.events import Person
from storage.accounts.tokens import create_token
from storage.accounts.users import add_user
from storage.conversations.audit import record
from tests.service import running_service
from tests.storage.search.saying import say
from tests.web.console.test_pages import HOSTILE
from tests.web.security.test_every_route import routes
from web.security.account_lookup import COOKIE
from web.security.role_names import Role

NAME = f"{HOSTILE}\u202eelif\x1b[2J\x07{{{{ 7 * 7 }}}}{'W' * 3000}"


async def test_hostile_names_are_text_on_every_page(tmp_path: Path) -> None:
    async with running_service(tmp_path) as running:
        database = running.service.database
        await say(database, NAME, NAME, person=Person("wecom", NAME))
        # As an earlier version, or someone with the database in hand, may have written them.
        assert await add_user(database, NAME, Role.OPERATOR, "no hash")
        assert await create_token(database, NAME, Role.READER, days=1, by=NAME)
        await record(database, "read", NAME, {"person": NAME}, conversations=1, messages=1)
        browser = running.console
        browser.headers["Cookie"] = f"{COOKIE}={await running.service.accounts.begin(NAME, Role.OPERATOR)}"
        exported = await browser.post("/console/exports", data={"format": "jsonl", "user": NAME[:190]})
        assert 303 == exported.status_code, exported.text

        shown = {}
        pages = {path for method, path, _ in routes(running) if method == "GET"}
        for path in sorted(path for path in pages if path.startswith("/console") or path == "/api/v1/docs"):
            for query in ("", f"?words={'<script>'}&user=<script>&q=<script>&lang=en"):
                asked = {"Accept": "text/html"}
                # What streams goes on until one leaves.
                async with browser.stream("GET", path + query, headers=asked, follow_redirects=True) as page:
                    if "text/html" in page.headers["content-type"]:
                        await page.aread()
                        shown[path + query] = page.text

    assert len(shown) > 30
    for path, text in shown.items():
        assert "<script>document" not in text, path
        assert "<img src=x" not in text, path
        assert not {"\u202e", "\x1b", "\x07"} & set(text), path
        assert "<script>&" not in text, path
    for path in ("/console/users", "/console/audit", "/console/conversations", "/console/conversations/1"):
        assert "&lt;script&gt;" in shown[path], path
