"""What a set-up holds in secret, wherever it stands, is neither shown by `webot check` nor written to the log."""

import json
from pathlib import Path

import pytest

from tests.web.settings_files import write
from web.channel_kinds import KINDS
from web.logs.redaction import MASK, Redactor
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


NAMES = (
    "access_key_id", "AK", "AccountKey", "apiToken", "apikey1", "auth", "auth_code", "bearer", "creds", "db-pass",
    "github_pat", "hmac", "jwt", "key_1", "license", "otp", "pass", "passphrase", "Passwort", "pin", "pwd", "salt",
    "secretId", "session", "session_id", "sessionid", "SK", "tokens", "口令", "密码", "密钥",
)  # fmt: skip
NO_SECRETS = ("author", "bypass", "keyboard", "monkeys", "passage", "signal", "tokenizer", "top_k", "key_file")
FLAGS = (
    ("--pass", "{}"), ("--pwd", "{}"), ("--bearer", "{}"), ("--jwt", "{}"), ("--tokens", "{}"), ("--cookie", "a={}"),
    ("--api-key", "-{}"), ("-t", "{}"), ("-p", "{}"), ("-p{}",), ("--password:{}",), ("-u", "me:{}"),
    ("--user", "me:{}"), ("--header=X-Key: {}",), ("-e", "API_TOKEN={}"), ("--dsn=postgres://u:{}@h/db",),
    ("-uroot:{}",), ("--user=root:{}",), ("--proxy-user", "me:{}"), ("--basic=me:{}",), ("-HX-Auth: {}",),
    ("--header=X-Auth: {}",), ("--密钥", "{}"), ("密码={}",), ("/token", "{}"), ("/token:{}",), ("--access-code", "{}"),
    ("-c", "run --token {} --fast"), ("-c", "get -H 'X-Key: {}' h"), ("https://host.example/x;key={}",), ("https://host.example/x#a=1&token={}",),
    ('--config={{"apiKey": "{}"}}',), ("--conn", "host=db password={} dbname=x"),
)  # fmt: skip
PLAIN_FLAGS = (
    ("-p", "8080:80"), ("-t", "ghcr.io/github/server"), ("-u", "1000:1000"), ("-p", "@scope/package"),
    ("--auth", "--x"), ("--user", "me"), ("-u=1000:1000",), ("-c", "run --fast on"), ("/data", "folder"),
)  # fmt: skip
SECRET = "V4rySecret7"


def shown_of(folder: Path, settings: str) -> str:
    write(folder, local=settings)
    return "\n".join(line.setting for line in effective(load(folder, {}, KINDS)))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_promises_a_secret_is_known_at_every_depth(tmp_path: Path, name: str) -> None:
    options = f'"{name}" = "{SECRET}", deeper = {{ list = [{{ "{name}" = ["{SECRET}", {{ of = "{SECRET}" }}] }}] }}'

    assert SECRET not in shown_of(tmp_path, f"[models.default.extra_body]\noptions = {{ {options} }}\n")


@pytest.mark.parametrize("name", NO_SECRETS)
def test_a_name_that_only_begins_like_one_hides_nothing(tmp_path: Path, name: str) -> None:
    assert SECRET in shown_of(tmp_path, f'[models.default.extra_body]\n{name} = "{SECRET}"\n')


@pytest.mark.parametrize("args", FLAGS, ids=" ".join)
def test_a_secret_among_arguments_is_known_by_its_flag(tmp_path: Path, args: tuple[str, ...]) -> None:
    listed = json.dumps([arg.format(SECRET) for arg in args])

    assert SECRET not in shown_of(tmp_path, f'[mcp.a]\ncommand = "mcp"\nargs = {listed}\n')


@pytest.mark.parametrize("args", PLAIN_FLAGS, ids=" ".join)
def test_ports_packages_and_names_among_arguments_are_shown(tmp_path: Path, args: tuple[str, ...]) -> None:
    assert MASK not in shown_of(tmp_path, f'[mcp.a]\ncommand = "mcp"\nargs = {json.dumps(args)}\n')


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(f"https://{SECRET}@sentry.example/1", id="a token in the place of a name"),
        pytest.param(f"-----BEGIN PRIVATE KEY-----\\n{SECRET}\\n-----END PRIVATE KEY-----", id="a private key"),
    ],
)
def test_a_secret_is_known_by_its_shape(tmp_path: Path, value: str) -> None:
    assert SECRET not in shown_of(tmp_path, f'[models.default.extra_body]\nodd = "{value}"\n')


@pytest.mark.parametrize("proxy", ["http://[::1", "http://u:p@[::1", "socks5://[x"])
def test_an_address_that_is_none_is_no_secret_that_cannot_be_looked_for(proxy: str) -> None:
    assert f"odd {MASK}" == Redactor((proxy,)).text(f"odd {proxy}")


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
