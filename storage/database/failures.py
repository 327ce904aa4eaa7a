"""What a database's error means: it is away, it will not take the data, or an operator must look.

Drivers have no common word for it, so it is read from SQLSTATE (PostgreSQL, docs "Appendix A. PostgreSQL Error Codes")
and from SQLite's result codes (sqlite.org/rescode.html).
"""

import re
import sqlite3
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePath
from traceback import walk_tb

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pipeline.errors import TryAgain
from pipeline.net import cause_sentence
from pipeline.text.i18n import Sentence


class Meaning(Enum):
    """Who can do something about an error."""

    AWAY = "away"
    """Nobody: the same statement may work later."""
    DATA = "data"
    """We: the same statement would fail again."""
    DAMAGED = "damaged"
    """The operator: the file or the disk is broken."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error read: `code` is the database's own or the exception's name, `words` are the driver's first line."""

    meaning: Meaning
    code: str
    words: str

    def __str__(self) -> str:
        return f"{self.code}: {self.words}" if self.words else self.code


class DatabaseAway(TryAgain, SQLAlchemyError):
    """The database does not answer now; the same may work later.

    It is blameless where the answer would be the same for all: nothing of what was asked is the reason.
    """

    code: str

    def __init__(self, failure: Failure, *, blameless: bool) -> None:
        super().__init__(Sentence("reason.database_away", said=failure), code=failure.code, blameless=blameless)
        self.failure = failure

    def __str__(self) -> str:
        """Return the message alone; SQLAlchemy would add an address to it."""
        return Exception.__str__(self)


_AWAY_STATES = frozenset(
    {
        "25006",  # read_only_sql_transaction: a standby, or default_transaction_read_only
        "26000",  # invalid_sql_statement_name: a pooler gave us another session
        "40001",
        "40P01",
        "42P05",  # duplicate_prepared_statement: as 26000
    }
)
_DATA_CLASSES = frozenset({"0A", "20", "21", "22", "23", "27", "2F", "34", "38", "39", "42", "44", "54", "P0"})
_DAMAGED_STATES = frozenset({"XX001", "XX002"})

_AWAY_CODES = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_ABORT,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_DAMAGED_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY = 0xFF
_CODE = re.compile(r"[0-9A-Z]{5}|SQLITE_[A-Z_]+")
_FOR_ALL = (
    "08",  # connection_exception
    "25006",
    "28",  # invalid_authorization_specification
    "3D",  # invalid_catalog_name
    "53300",  # too_many_connections
    "57P",  # the server goes down or comes up
    "SQLITE_BUSY",
    "SQLITE_LOCKED",
    "SQLITE_READONLY",
    "SQLITE_CANTOPEN",
    "SQLITE_PERM",
    "SQLITE_CORRUPT",
    "SQLITE_NOTADB",
)
"""Codes, by their beginning."""
_LONGEST = 300
_SENTENCES = {
    "28": "database.login_refused",
    "3D": "database.not_there",
    "42501": "database.not_permitted",
    "53300": "database.too_many_connections",
    "53": "database.full",
    "57P03": "database.starting",
    "57P": "database.stopping",
    "XX001": "database.damaged",
    "XX002": "database.damaged",
    "SQLITE_NOTADB": "database.damaged",
    "SQLITE_CORRUPT": "database.damaged",
    "SQLITE_BUSY": "database.busy",
    "SQLITE_LOCKED": "database.busy",
    "SQLITE_READONLY": "database.not_permitted",
    "SQLITE_PERM": "database.not_permitted",
    "SQLITE_CANTOPEN": "database.not_opened",
    "SQLITE_FULL": "database.full",
    "SQLITE_IOERR": "database.disk",
}
"""Of codes, by their beginning, the first that fits: what people are told, with who must act."""


def read_failure(error: BaseException) -> Failure:
    """Return what an error means that came out of a transaction."""
    if isinstance(error, DatabaseAway):
        return error.failure
    cause: BaseException = error
    if isinstance(error, StatementError) and error.orig is not None:
        cause = error.orig
    return Failure(*_meaning(error, cause), _words(cause))


def failure_sentence(error: BaseException) -> Sentence:
    """Return for people what a database's error means; the driver's words stand beside it, the class in no case."""
    while isinstance(error, DatabaseAway) and error.__cause__ is not None:
        error = error.__cause__
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    failure = read_failure(error)
    if key := next((key for code, key in _SENTENCES.items() if failure.code.startswith(code)), ""):
        return Sentence("database.because", sentence=Sentence(key), said=failure.words or failure.code)
    if isinstance(cause, OSError):
        return cause_sentence(cause)
    return Sentence("database.because", sentence=Sentence("database.unknown"), said=failure.words or failure.code)


def absence(error: Exception, *, connected: bool) -> DatabaseAway | None:
    """Return what an error says that came out of work on a connection, None where the database is not away.

    Once `connected`, an error of the operating system that is none of a connection is of a file of the work's own.
    """
    if isinstance(error, DatabaseAway):
        return None
    if connected and isinstance(error, OSError) and not isinstance(error, (ConnectionError, TimeoutError)):
        return None
    failure = read_failure(error)
    if failure.meaning is not Meaning.AWAY:
        return None
    # A statement that takes too long may be the reason itself.
    return DatabaseAway(failure, blameless=not (isinstance(error, TimeoutError) or is_separable(failure.code)))


def is_separable(code: str) -> bool:
    """Whether a transaction that failed with a code may pass without one of the things that it was to write.

    Not where nobody answered, or where the answer is the same for all.
    """
    return _CODE.fullmatch(code) is not None and not code.startswith(_FOR_ALL)


def _meaning(error: BaseException, cause: BaseException) -> tuple[Meaning, str]:
    name = type(cause).__name__
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str) and state:
        return _of_state(state, cause), state
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", None)
        if code is not None:
            return _of_code(code & _PRIMARY), str(getattr(cause, "sqlite_errorname", name))
        # Raised by Python's module itself: values that cannot be bound or read, or a connection that is closed.
        closed = isinstance(cause, sqlite3.ProgrammingError) and "closed" in str(cause)
        return (Meaning.AWAY if closed else Meaning.DATA), name
    if isinstance(error, DBAPIError) or isinstance(cause, (OSError, PoolTimeout)) or _is_driver(cause):
        # A connection that broke, was refused or was silent for too long.
        return Meaning.AWAY, name
    return Meaning.DATA, name


def _of_state(state: str, cause: BaseException) -> Meaning:
    if state in _DAMAGED_STATES:
        return Meaning.DAMAGED
    # A plan that a change of the schema made void; the next try prepares another.
    stale = "InvalidCachedStatement" in f"{type(cause).__name__} {type(cause.__cause__).__name__}"
    if state in _AWAY_STATES or stale:
        return Meaning.AWAY
    return Meaning.DATA if state[:2] in _DATA_CLASSES else Meaning.AWAY


def _of_code(primary: int) -> Meaning:
    if primary in _DAMAGED_CODES:
        return Meaning.DAMAGED
    return Meaning.AWAY if primary in _AWAY_CODES else Meaning.DATA


def _is_driver(cause: BaseException) -> bool:
    """Whether asyncpg says that a connection cannot be used; values it cannot send are a `DataError` of its own."""
    module = type(cause).__module__
    return module.startswith("asyncpg") and not isinstance(cause, (ValueError, TypeError))


def _words(cause: BaseException) -> str:
    """Return the driver's first line where it quotes no value, for values may be what people said; else the place."""
    quotes = str(getattr(cause, "sqlstate", None) or "").startswith("22")
    if quotes or isinstance(cause, (SQLAlchemyError, ValueError, TypeError, ArithmeticError, LookupError)):
        frames = [(frame.f_code.co_filename, line) for frame, line in walk_tb(cause.__traceback__)]
        return f"at {PurePath(frames[-1][0]).name}:{frames[-1][1]}" if frames else ""
    line = str(cause).partition("\n")[0].strip()
    _, _, words = line.partition(">: ") if line.startswith("<class '") else ("", "", line)
    return words[:_LONGEST]
