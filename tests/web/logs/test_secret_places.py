"""What a set-up holds in secret, wherever it stands, is neither shown by `webot check` nor written to the log."""

from pathlib import Path

import pytest

from tests.web.settings_files import write
from web.channel_kinds import KINDS
from web.logs.redaction import Redactor
from web.settings.effective import effective
from web.settings.loading import load, secrets_of

SETTINGS = """
[mcp.a]
command = "mcp"
args = [
    "--token", "ARGTOKEN123", "--api-key=ARGKEY12345", "--db-password", "ARGPASS12345", "-H", "X-Auth: ARGHEADER1",
    "GITHUB_TOKEN=ARGENV12345", "--port", "8080", "--config=/etc/tool.toml",
]
[mcp.b]
transport = "sse"
url = "https://mcp.example.com/mcp/PATHSECRET123/sse?session=QUERYSECRET1"
[mcp.c]
transport = "sse"
url = "https://mcp.example.com/550e8400-e29b-41d4-a716-446655440000/sse"
headers = { X-Auth = "MCPHEADER123" }
[models.default]
model = "Qwen3-235B-A22B-Instruct-2507"
base_url = "https://me:USERINFO123@api.example.com/openai/v1?subscription-key=SUBKEY12345"
api_key = "MODELKEY12345"
default_headers = { X-Auth = "HEADERAUTH1", Ocp-Apim-Subscription-Key = "OCPKEY12345", Accept = "application/json" }
default_query = { code = "QUERYCODE123", api-version = "2024-02-01" }
extra_body = { app_key = "APPKEY12345", sign = "SIGN12345", nested = { user_token = "NESTED12345" }, design = "plain" }
max_tokens = 100
odd = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
plain = "sk-abcdefghijk"
random = "q8Zr2LmX0vTnYb5KcWd7"
[network]
proxy = "http://me:PROXYPASS123@proxy:3128"
"""
SECRETS = (
    "ARGTOKEN123", "ARGKEY12345", "ARGPASS12345", "ARGHEADER1", "ARGENV12345", "PATHSECRET123", "QUERYSECRET1",
    "446655440000", "MCPHEADER123", "USERINFO123", "SUBKEY12345", "MODELKEY12345", "HEADERAUTH1", "OCPKEY12345",
    "QUERYCODE123", "APPKEY12345", "SIGN12345", "NESTED12345", "abcdefghijk", "q8Zr2LmX0vTnYb5KcWd7", "PROXYPASS123",
)  # fmt: skip
PUBLIC = (
    "8080", "/etc/tool.toml", "Qwen3-235B-A22B-Instruct-2507", "api.example.com/openai/v1", "application/json",
    "2024-02-01", 'design = "plain"', "max_tokens = 100", "--token", "X-Auth", "mcp.example.com", "/sse",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, local=SETTINGS)
    return tmp_path


def test_check_shows_no_secret_and_all_the_rest(folder: Path) -> None:
    shown = "\n".join(line.setting for line in effective(load(folder, {}, KINDS)))

    assert [] == [secret for secret in SECRETS if secret in shown]
    assert [] == [public for public in PUBLIC if public not in shown]


@pytest.mark.parametrize("secret", SECRETS)
def test_the_log_knows_the_same_secrets(tmp_path: Path, secret: str) -> None:
    write(tmp_path, local=SETTINGS)
    masker = Redactor(secrets_of(load(tmp_path, {}, KINDS)))
    whole = {"446655440000": "550e8400-e29b-41d4-a716-446655440000", "abcdefghijk": "sk-abcdefghijk"}
    said = whole.get(secret, secret)

    assert secret not in masker.text(f"the other side said: {said}!")


def test_words_that_many_lines_have_are_not_taken_for_secrets(folder: Path) -> None:
    masker = Redactor(secrets_of(load(folder, {}, KINDS)))
    line = "application/json 2024-02-01 8080 plain 100 --token https://mcp.example.com/ wecom default"

    assert line == masker.text(line)


def test_settings_as_they_come_hold_no_secret(tmp_path: Path) -> None:
    assert () == secrets_of(load(tmp_path, {}, KINDS))
