"""What proves that a program or a person may use a running service: a token and a password, in files of mode 0600.

Programs on this machine, such as `webot turns retry`, read the token from the service's data_dir: who may read that
file is the service's own user. A password is made where the settings ask for one; only its hash is kept.
"""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkstemp

from pipeline.errors import SettingsInvalid, WebotError
from pipeline.settings import Settings
from pipeline.text.i18n import Sentence, os_reason
from pipeline.text.phrases import placed
from web.security.passwords import hash_password

_TOKEN_FILE = "access-token"  # noqa: S105 -- a file's name
_PASSWORD_FILE = "console-password"  # noqa: S105 -- the same
_LEAST_LETTERS = 32
_MOST_BYTES = 1024
_OTHERS = 0o077
# No letters that are taken for one another; 20 of them are 98 bits.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 5, 4


class TokenUnreadable(WebotError):
    """The token of a service on this machine cannot be read; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Access:
    """The token of a running service, and the hash of the password it has made; empty: there is none."""

    token: str = ""
    password_hash: str = ""

    def hash_for(self, settings: Settings) -> str:
        """Return the hash of the password the console asks for under some settings; empty if it asks for none."""
        console = settings.console
        own = console.password_hash.get_secret_value()
        return own or (self.password_hash if console.generate_password else "")


def token_path(settings: Settings) -> Path:
    """Return the file in which a service of these settings keeps its token."""
    return Path(settings.storage.data_dir) / _TOKEN_FILE


def password_path(settings: Settings) -> Path:
    """Return the file in which a service of these settings keeps the hash of the password it has made."""
    return Path(settings.storage.data_dir) / _PASSWORD_FILE


def open_access(settings: Settings) -> Access:
    """Read a service's token, and the hash of the password it has made; make the token where there is none.

    A token that other users could have read is replaced. Blocks on the disk.

    Raises:
        SettingsInvalid: data_dir cannot be used.
    """
    with _data_dir_errors(settings):
        path = token_path(settings)
        try:
            token, mode = _read(path)
            if len(token) < _LEAST_LETTERS or mode & _OTHERS:
                _write(path, secrets.token_urlsafe(_LEAST_LETTERS), over=True)
        except FileNotFoundError:
            _write(path, secrets.token_urlsafe(_LEAST_LETTERS))
        try:
            hash_, _ = _read(password_path(settings))
        except FileNotFoundError:
            hash_ = ""
        # Read again: a service that starts on the same folder at the same time may have been first.
        return Access(_read(path)[0], hash_)


def kept_access(settings: Settings) -> Access:
    """Return what a service of these settings has kept, as far as this user may read it; makes nothing."""
    kept = []
    for path in (token_path(settings), password_path(settings)):
        try:
            kept.append(_read(path)[0])
        except OSError:
            kept.append("")
    return Access(*kept)


def make_password(settings: Settings, access: Access, tell: Callable[[str], None]) -> Access:
    """Make a password, tell it, and keep its hash; return what it opens.

    It is told first: a process that is killed in between has told a password that is not in use, and the next start
    makes another; the other way round nobody would ever know the one in use. Blocks on the disk.

    Raises:
        SettingsInvalid: data_dir cannot be used.
    """
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_GROUPS * _GROUP))
    password = "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))
    hash_ = hash_password(password)
    tell(password)
    with _data_dir_errors(settings):
        _write(password_path(settings), hash_, over=True)
    return replace(access, password_hash=hash_)


def read_token(settings: Settings) -> str:
    """Return the token of the service that runs on these settings.

    Raises:
        TokenUnreadable: there is no such file, or this user may not read it.
    """
    path = token_path(settings)
    try:
        token, _ = _read(path)
    except FileNotFoundError:
        raise TokenUnreadable(Sentence("shell.token_missing", file=str(path))) from None
    except PermissionError:
        raise TokenUnreadable(Sentence("shell.token_denied", file=str(path))) from None
    except OSError as error:
        raise TokenUnreadable(Sentence("shell.token_unreadable", file=str(path), reason=os_reason(error))) from None
    return token


def _read(path: Path) -> tuple[str, int]:
    """Return what a file of ours holds, and its mode; a link is not followed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return os.read(descriptor, _MOST_BYTES).decode("ascii", "replace").strip(), os.fstat(descriptor).st_mode
    finally:
        os.close(descriptor)


def _write(path: Path, text: str, *, over: bool = False) -> None:
    """Write a file whole, of mode 0600; one that is there stays unless `over`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Made with mode 0600, so that at no time another user may read it.
    descriptor, name = mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{text}\n")
        if over:
            Path(name).replace(path)
        else:
            with contextlib.suppress(FileExistsError):
                os.link(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


@contextlib.contextmanager
def _data_dir_errors(settings: Settings) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        wrong = Sentence(
            "setting.data_dir", folder=settings.storage.data_dir, file=str(error.filename), reason=os_reason(error)
        )
        raise SettingsInvalid([placed("[storage] data_dir", wrong)]) from None
