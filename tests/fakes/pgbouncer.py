"""Starts a real PgBouncer before a real PostgreSQL; no fake, but what stands beside them."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Literal

import pytest

Mode = Literal["session", "transaction"]


@contextmanager
def pgbouncer(server: str, mode: Mode, *, size: int = 30) -> Iterator[int]:
    """Give the port at which a PgBouncer passes on to the server with its socket in a folder, over `size` connections.

    The test is skipped where there is none.
    """
    program = os.environ.get("PGBOUNCER") or shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if not program:
        pytest.skip("there is no PgBouncer here (Debian: apt install pgbouncer)")
    folder = Path(mkdtemp(prefix="webot-pgbouncer-"))
    port = _free_port()
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host={server} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        f"unix_socket_dir =\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = {size}\nmax_client_conn = 500\n"
        "log_connections = 0\nlog_disconnections = 0\n"
    )
    # It does not run as root; the server's own account may read its socket.
    owner = Path(server).owner()
    folder.chmod(0o755)
    account = ["-u", owner] if os.getuid() == 0 else []
    running = subprocess.Popen(  # noqa: S603 -- the program of the test's own machine
        [program, *account, str(settings)], stderr=subprocess.PIPE, text=True
    )
    try:
        assert running.stderr is not None
        output = []
        while "process up" not in (line := running.stderr.readline()):
            output.append(line)
            assert line, "".join(output)
        yield port
    finally:
        running.kill()
        running.communicate()
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])
