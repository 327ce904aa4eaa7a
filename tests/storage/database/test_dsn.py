"""A database's URL: libpq's options are understood, and what cannot be used is named when the settings are read."""

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from pipeline.errors import SettingsInvalid
from storage.database.dsn import check_files, connect_arguments, database_place, read_url
from storage.database.postgres import Connector

HOST = "postgresql://me:pw@db"


def problems(url: str) -> tuple[str, ...]:
    with pytest.raises(SettingsInvalid) as refused:
        check_files(read_url(url))
    assert "s3cret" not in str(refused.value)
    return refused.value.problems


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param(f"{HOST}/w", {"host": ["db"], "port": None, "user": "me", "password": "pw"}, id="the plain form"),
        pytest.param("postgres://me@db/w", {"host": ["db"], "password": None}, id="the short scheme"),
        pytest.param("postgresql:///w", {"host": None, "user": None, "database": "w"}, id="all by default"),
        pytest.param("postgresql:///w?host=/run/pg", {"host": ["/run/pg"], "port": None}, id="a socket"),
        pytest.param("postgresql://%2Frun%2Fpg/w", {"host": ["/run/pg"]}, id="a socket in the place of the host"),
        pytest.param("postgresql://[::1]:5433/w", {"host": ["::1"], "port": [5433]}, id="an IPv6 address"),
        pytest.param(
            "postgresql://me:pw@a:1,b:2,[::1]/w", {"host": ["a", "b", "::1"], "port": [1, 2, 5432]}, id="several hosts"
        ),
        pytest.param("postgresql:///w?host=a,b&port=1,2", {"host": ["a", "b"], "port": [1, 2]}, id="hosts as options"),
        pytest.param("postgresql:///w?host=a,b&port=9", {"host": ["a", "b"], "port": [9]}, id="one port for all"),
        pytest.param("postgresql:///w?host=a:1&host=b:2", {"host": ["a", "b"], "port": [1, 2]}, id="SQLAlchemy's form"),
        pytest.param("postgresql://me:p%40ss%2Fw%23%25@db/w", {"password": "p@ss/w#%"}, id="an encoded password"),
        pytest.param(f"{HOST}/w?connect_timeout=9", {"timeout": 9}, id="connect_timeout"),
        pytest.param(f"{HOST}/w?connect_timeout=0", {"timeout": None}, id="connect_timeout 0 waits for ever"),
        pytest.param(f"{HOST}/w", {"server_settings": {"application_name": "webot"}}, id="it says who it is"),
        pytest.param(
            f"{HOST}/w?application_name=hr&options=-c%20statement_timeout%3D5s",
            {"server_settings": {"application_name": "hr", "options": "-c statement_timeout=5s"}},
            id="application_name and options",
        ),
        pytest.param(f"{HOST}/w?sslmode=disable", {"dsn": "postgresql://?sslmode=disable"}, id="sslmode"),
        pytest.param(f"{HOST}/w?ssl=require", {"dsn": "postgresql://?sslmode=require"}, id="the driver's own word"),
        pytest.param(f"{HOST}/w?target_session_attrs=primary", {"target_session_attrs": "primary"}, id="the primary"),
        pytest.param(f"{HOST}/w?channel_binding=prefer&gssencmode=prefer", {"dsn": None}, id="what goes by itself"),
        pytest.param("postgresql:///?dbname=w&user=me&password=pw", {"database": "w", "user": "me"}, id="all options"),
    ],
)
def test_an_option_reaches_the_driver(url: str, expected: dict[str, Any]) -> None:
    arguments = connect_arguments(read_url(url))

    assert expected == {name: arguments[name] for name in expected}


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        pytest.param(
            "sslmod=disable", "no such option 'sslmod'; did you mean sslmode? Known options: host,", id="typo"
        ),
        pytest.param("statement_timeout=5", "no such option 'statement_timeout'", id="a server's setting"),
        pytest.param("hostaddr=10.0.0.1", "no such option 'hostaddr'", id="one that libpq has and the driver has not"),
        pytest.param("sslmode=on", "sslmode: found 'on', expected disable or allow or prefer", id="sslmode"),
        pytest.param("channel_binding=require", "channel_binding: found 'require', expected disable", id="binding"),
        pytest.param("gssencmode=require", "gssencmode: found 'require', expected disable", id="GSSAPI"),
        pytest.param("target_session_attrs=master", "target_session_attrs: found 'master', expected any", id="session"),
        pytest.param("connect_timeout=soon", "connect_timeout: found 'soon', expected a whole number", id="a word"),
        pytest.param(f"connect_timeout={'9' * 5000}", "expected a whole number", id="digits without end"),
        pytest.param("sslrootcert=/no/such.pem", "sslrootcert: there is no file '/no/such.pem'", id="a certificate"),
        pytest.param("passfile=/no/such", "passfile: there is no file '/no/such'", id="a password file"),
        pytest.param("port=0", "port: found '0', expected a number from 1 to 65535", id="port 0"),
        pytest.param("host=a,b&port=1,2,3", "port: found 3 ports for 2 hosts", id="ports without hosts"),
        pytest.param("host=a b]", None, id="a host that is none"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(option: str, expected: str | None) -> None:
    if expected is None:
        assert "host: found" in str(problems(f"postgresql://me:s3cret@db/w?{option}"))
        return
    (problem,) = problems(f"postgresql://me:s3cret@db/w?{option}")

    assert problem.startswith("[storage] database_url: ")
    assert expected in problem


def test_every_option_that_cannot_be_used_is_named_at_once() -> None:
    found = problems("postgresql://me:s3cret@db/w?sslmode=on&port=x&nonsense=1")

    assert ["sslmode", "no such option 'nonsense'", "port"] == [
        next(word for word in ("sslmode:", "port:", "no such option 'nonsense'") if word in problem).rstrip(":")
        for problem in found
    ]


@pytest.mark.parametrize("password", ["s3cret@ss/w#", "s3cret@", "s3cret@a@b", "s3cret@?x", "s3cret@a:b"])
def test_a_password_that_is_not_encoded_is_told_how_to_be(password: str) -> None:
    (problem,) = problems(f"postgresql+asyncpg://webot:{password}@db/webot")

    assert "write @ as %40, / as %2F, # as %23" in problem


@pytest.mark.parametrize("url", ["postgresql://me:s3cret@db:port/w", "postgresql://me:s3cret@a:x,b/w"])
def test_a_port_that_is_no_number_is_refused(url: str) -> None:
    assert problems(url)


def test_a_place_names_every_host_and_no_password() -> None:
    assert "a:1,b:2/w" == database_place(read_url("postgresql://me:s3cret@a:1,b:2/w"))
    assert "localhost/w" == database_place(read_url("postgresql://me:s3cret@/w"))


@pytest.mark.parametrize(
    "options",
    [
        "sslmode=disable",
        "sslmode=prefer&connect_timeout=7&application_name=us&target_session_attrs=read-write&channel_binding=prefer",
        "options=-c%20statement_timeout%3D5s",
        "prepared_statement_cache_size=0",
    ],
)
async def test_the_server_is_reached_with_options(postgres_url: str, options: str) -> None:
    connection = await Connector(read_url(f"{postgres_url}&{options}")).connect()
    found = await connection.fetchval("SELECT current_setting('statement_timeout')")
    await connection.close()

    assert found == ("5s" if "statement_timeout" in options else "0")


async def test_a_certificate_that_is_none_is_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "root.pem"
    await asyncio.to_thread(file.write_text, "no certificate")
    url = f"postgresql://me@127.0.0.1:9/w?sslmode=verify-full&sslrootcert={file}"

    with pytest.raises((OSError, asyncpg.InterfaceError)):
        await Connector(read_url(url)).connect()
