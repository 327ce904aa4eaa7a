"""What a table `[mcp.<name>]` may say, and how its headers are read."""

import pytest
from pydantic import ValidationError

from chains.tooling.mcp import open_servers
from pipeline.errors import SettingsInvalid
from pipeline.settings import Settings

pytest.importorskip("langchain_mcp_adapters.tools", reason="webot[mcp] is not installed")


def settings(**table: object) -> Settings:
    return Settings.model_validate({"mcp": {"pretend": table}})


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"transport": "sse", "command": "x"}, "[mcp.pretend].url: found '', needs an http:// or https:// address"),
        ({"url": "http://x"}, "[mcp.pretend].command: found nothing, needs a program"),
        ({"command": "x", "url": "http://x"}, "[mcp.pretend].url: a program has none"),
        (
            {"transport": "sse", "url": "ws://u:secret@x/?key=secret"},
            "[mcp.pretend].url: found 'ws://***@x/?***', needs an http:// or https:// address",
        ),
        (
            {"transport": "sse", "url": "http://x", "headers": {"X Key": "secret"}},
            "[mcp.pretend].headers: found a header named 'X Key'; a name has letters",
        ),
    ],
)
def test_a_table_that_cannot_work_is_refused(table: dict[str, object], expected: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        open_servers(settings(**table))

    assert refused.value.problems[0].startswith(expected)


def test_headers_are_sent_as_they_were_meant() -> None:
    pasted = {
        "Authorization": " Bearer sk-1\n",
        "X-Api-Key": "“sk-2”",
        "X-Wide": "\u3000ｓｋ－３ ",
        "X-Bare": "sk-4",
    }
    table = settings(transport="sse", url=" http://x ", headers=pasted).mcp["pretend"]

    sent = {name: value.get_secret_value() for name, value in table.headers.items()}
    assert {"Authorization": "Bearer sk-1", "X-Api-Key": "sk-2", "X-Wide": "sk-3", "X-Bare": "sk-4"} == sent
    assert "http://x" == table.url


@pytest.mark.parametrize("value", ["Bearer 密钥", "sk-1\r\nX-Evil: 1", "sk\x00-1"])
def test_a_header_that_cannot_be_sent_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings(transport="sse", url="http://x", headers={"Authorization": value})

    assert "ASCII letters, digits and signs only" in str(refused.value)
    assert value not in refused.value.errors()[0]["msg"]
