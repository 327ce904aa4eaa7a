"""Reads a database's URL: SQLite in a file, or PostgreSQL with the options libpq documents.

https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from pipeline.errors import SettingsInvalid
from pipeline.text.i18n import Sentence
from pipeline.text.phrases import either, nearest, placed

CONNECT_SECONDS = 5.0
"""How long a connection may take to open, unless `connect_timeout` says otherwise."""

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}

_TLS = (
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "sslpassword",
    "sslcrl",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "sslnegotiation",
)
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")
_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_VALUES: Mapping[str, tuple[str, ...]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "ssl_min_protocol_version": _VERSIONS,
    "ssl_max_protocol_version": _VERSIONS,
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "gsslib": ("gssapi", "sspi"),
    # The driver has neither, so that both go without saying; "require" would be a promise it cannot keep.
    "channel_binding": ("disable", "prefer"),
    "gssencmode": ("disable", "prefer"),
    "client_encoding": ("auto", "utf8", "UTF8", "UTF-8"),
}
_NUMBERS = ("connect_timeout", "prepared_statement_cache_size")
_NAMES = (
    "host",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "fallback_application_name",
    "options",
    "krbsrvname",
    "service",
)
_OPTIONS = tuple(dict.fromkeys((*_NAMES, *_FILES, *_NUMBERS, *_TLS, *_VALUES)))
_ALIASES = {
    "ssl": "sslmode",
    "timeout": "connect_timeout",
    "database": "dbname",
    "statement_cache_size": "prepared_statement_cache_size",
}
"""The driver's own words for what libpq calls otherwise."""

_HOST = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<name>[^:\[\]]*))(?::(?P<port>\d+))?")
_PORTS = range(1, 65536)
_PLACE = "[storage] database_url"


def read_url(url: str) -> URL:
    """Return the parsed URL of a database, with the driver named and several hosts moved into its query.

    Raises:
        SettingsInvalid: it is neither SQLite in a file nor PostgreSQL, or has an option that cannot be used.
    """
    head, separator, rest = url.partition("://")
    scheme = head.partition("+")[0].lower()
    if not separator or not re.fullmatch(r"[\w+]+", head):
        raise _invalid(Sentence("setting.no_database_url"))
    if scheme not in _DRIVERS or head not in {scheme, _DRIVERS[scheme]}:
        raise _invalid(Sentence("setting.other_database", found=repr(head)))
    try:
        parsed = make_url(url) if scheme == "sqlite" else _postgresql(rest)
    except (ArgumentError, ValueError):
        raise _invalid(Sentence("setting.no_database_url")) from None
    if scheme == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise _invalid(Sentence("setting.sqlite_file"))
    parsed = parsed.set(drivername=_DRIVERS[scheme])
    if scheme != "sqlite" and (problems := [*_problems(parsed)]):
        raise SettingsInvalid([placed(_PLACE, problem) for problem in problems])
    return parsed


def check_files(url: URL) -> None:
    """Check that the files exist which a PostgreSQL URL names. Raises `SettingsInvalid`."""
    named = {name: value for name, value in _options(url).items() if name in _FILES}
    missing = [(name, value) for name, value in named.items() if not Path(value).is_file()]
    if missing:
        raise SettingsInvalid(
            [placed(f"{_PLACE}: {name}", Sentence("setting.no_file", path=repr(value))) for name, value in missing]
        )


def connect_arguments(url: URL) -> dict[str, Any]:
    """Return what `asyncpg.connect` takes to open a connection to a PostgreSQL of `read_url`."""
    options = _options(url)
    hosts, ports = _hosts(url)
    seconds = int(options.get("connect_timeout", CONNECT_SECONDS))
    name = options.get("application_name") or os.environ.get("PGAPPNAME") or options.get("fallback_application_name")
    settings = {"application_name": name or "webot"}
    if "options" in options:
        settings["options"] = options["options"]
    tls = {name: options[name] for name in _TLS if name in options}
    same = ("user", "password", "passfile", "service", "target_session_attrs", "krbsrvname", "gsslib")
    return {
        # The driver reads certificates' options from a DSN only.
        "dsn": f"postgresql://?{urlencode(tls)}" if tls else None,
        "host": hosts or None,
        "port": ports or None,
        "user": url.username,
        "password": url.password,
        "database": url.database or options.get("dbname"),
        "server_settings": settings,
        "timeout": seconds or None,
        **{name: options[name] for name in same if name in options},
    }


def statement_cache_size(url: URL) -> int | None:
    """Return how many prepared statements a connection keeps; None where the URL does not say."""
    size = _options(url).get("prepared_statement_cache_size")
    return None if size is None else int(size)


def database_place(url: URL) -> str:
    """Return where a server's database is, without who asks and the password."""
    hosts, ports = _hosts(url)
    if not hosts:
        return f"localhost/{url.database or ''}"
    many = ports if len(ports) == len(hosts) else [*ports, *[0] * len(hosts)][: len(hosts)]
    return ",".join(f"{host}:{port}" if port else host for host, port in zip(hosts, many, strict=True)) + (
        f"/{url.database or ''}"
    )


def _postgresql(rest: str) -> URL:
    """Read what follows `://`, in which there may be several hosts."""
    body, _, query = rest.partition("?")
    if "@" in rest:
        # As SQLAlchemy splits it: a question mark before the first @ belongs to the password.
        user, _, location = rest.partition("@")
        body, _, query = location.partition("?")
        if "@" in body or "@" in query.partition("=")[0]:
            raise _invalid(Sentence("setting.encode"))
        user += "@"
    else:
        user = ""
    place, slash, name = body.partition("/")
    if "," not in place:
        return make_url(f"postgresql://{user}{body}{'?' if query else ''}{query}")
    parsed = make_url(f"postgresql://{user}{slash}{name}{'?' if query else ''}{query}")
    return parsed if "host" in parsed.query else parsed.update_query_dict({"host": tuple(place.split(","))})


def _options(url: URL) -> dict[str, str]:
    """Return the options of a URL but its hosts and ports, in libpq's words; of one given twice the last."""
    found: dict[str, str] = {}
    for name, value in url.query.items():
        libpq = _ALIASES.get(name, name)
        if libpq not in {"host", "port"}:
            found[libpq] = value if isinstance(value, str) else value[-1]
    return found


def _problems(url: URL) -> list[str]:
    known = ", ".join(_OPTIONS)
    problems: list[str] = []
    for name, value in _options(url).items():
        if name not in _OPTIONS:
            meant = nearest(name, _OPTIONS)
            key = "setting.unknown_option_near" if meant else "setting.unknown_option"
            problems.append(Sentence(key, name=repr(name), near=meant, known=known))
        elif name in _VALUES and value not in _VALUES[name]:
            problems.append(placed(name, Sentence("setting.found", found=repr(value), wanted=either(_VALUES[name]))))
        elif name in _NUMBERS and not (value.isascii() and value.isdigit() and len(value) < len("1000000")):
            wanted = Sentence("setting.a_whole")
            problems.append(placed(name, Sentence("setting.found", found=repr(value), wanted=wanted)))
    try:
        hosts, ports = _hosts(url)
    except ValueError as error:
        return [*problems, *error.args]
    if ports and len(ports) not in {1, len(hosts) or 1}:
        problems.append(placed("port", Sentence("setting.ports", ports=len(ports), hosts=len(hosts))))
    return problems


def _hosts(url: URL) -> tuple[list[str], list[int]]:
    """Return the hosts and their ports: none for the defaults, one port for all, or one a host. Raises `ValueError`."""
    if "host" not in url.query:
        written = _list(url, "port")
        return [unquote(url.host)] if url.host else [], [_port(port) for port in written] or (
            [url.port] if url.port else []
        )
    hosts: list[str] = []
    own: list[int | None] = []
    for place in _list(url, "host"):
        found = None if place.startswith("/") else _HOST.fullmatch(place)
        if found is None and not place.startswith("/"):
            raise ValueError(placed("host", Sentence("setting.no_host", found=repr(place))))
        hosts.append(place if found is None else unquote(found["six"] or found["name"]))
        own.append(_port(found["port"]) if found is not None and found["port"] else None)
    ports = [_port(port) for port in _list(url, "port")]
    if not ports and url.port:
        ports = [url.port]
    if any(own):
        return hosts, [port or (ports[0] if ports else _DEFAULT_PORT) for port in own]
    return hosts, ports


def _list(url: URL, name: str) -> list[str]:
    value = url.query.get(name, ())
    return [each for part in ((value,) if isinstance(value, str) else value) for each in part.split(",")]


_DEFAULT_PORT = 5432


def _port(written: str) -> int:
    if not (written.isascii() and written.isdigit() and len(written) <= len("65535") and int(written) in _PORTS):
        raise ValueError(placed("port", Sentence("setting.no_port", found=repr(written))))
    return int(written)


def _invalid(problem: str) -> SettingsInvalid:
    return SettingsInvalid([placed(_PLACE, problem)])
