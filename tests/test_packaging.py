import configparser
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline.settings import Limits
from storage.turns import worker
from web.http import server

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = ("runtime", "development", "build")


def lock(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")


def pins(*names: str) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)==(\S+)", "\n".join(map(lock, names)), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    entries = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", lock(name), flags=re.MULTILINE))

    assert [] == [entry for entry in entries if not re.match(r"[\w.-]+==[^\n]+\\\n +--hash=sha256:[0-9a-f]{64}", entry)]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_address(name: str) -> None:
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted", lock(name))


def test_the_locks_hold_what_the_project_asks_for() -> None:
    asked = {
        *((wish, "runtime") for wish in PROJECT["project"]["dependencies"]),
        *((wish, "development") for wish in PROJECT["dependency-groups"]["dev"]),
        *((wish, "build") for wish in (ROOT / "requirements" / "build.in").read_text(encoding="utf-8").split()),
    }
    unmet = []
    for wish, name in asked:
        requirement = Requirement(wish)
        pinned = pins("runtime", "development") if name == "development" else pins(name)
        version = pinned.get(canonicalize_name(requirement.name), "")
        if version not in requirement.specifier:
            unmet.append(f"{wish}: {version or 'nothing'}")

    assert [] == unmet, "make lock puts this right"


def test_a_package_in_two_locks_has_one_version() -> None:
    runtime, others = pins("runtime"), pins("development", "build")

    assert {} == {name: version for name, version in others.items() if runtime.get(name, version) != version}


def test_the_licence_is_the_agpl_whole() -> None:
    lines = (ROOT / "LICENSE").read_text(encoding="utf-8").split("\n")

    assert ["GNU AFFERO GENERAL PUBLIC LICENSE", "Version 3, 19 November 2007"] == [line.strip() for line in lines[:2]]
    assert "  13. Remote Network Interaction; Use with the GNU General Public License." in lines
    assert "                     END OF TERMS AND CONDITIONS" in lines
    assert "AGPL-3.0-or-later" == PROJECT["project"]["license"]


def test_the_wheel_has_every_file_of_the_program(tmp_path: Path) -> None:
    subprocess.run(  # noqa: S603 (our own build)
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(zipfile.ZipFile(wheel).namelist())
    tracked = _git("ls-files", "--", *PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]).split()

    assert set() == set(tracked) - packed
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in packed)


def test_make_lists_what_it_can_make() -> None:
    said = _make(ROOT, "help").stdout

    assert [
        "help",
        "run",
        "test",
        "lint",
        "lock",
        "docs",
        "pictures",
        "screens",
        "editor",
        "fmt",
        "clean",
    ] == re.findall(r"^make (\w+)", said, re.MULTILINE)


def test_make_run_refuses_an_old_python_and_names_it(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.2" || exit 1\n', encoding="utf-8")
    old.chmod(0o755)
    shutil.copy(ROOT / "Makefile", tmp_path)
    for path in ("requirements/runtime.txt", "requirements/build.txt", "pyproject.toml"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()

    ran = _make(tmp_path, "run", f"PYTHON={old}")

    assert 2 == ran.returncode
    assert f"webot needs Python 3.11 or newer; {old} is Python 3.9.2.\n" in ran.stdout
    assert not (tmp_path / ".venv").exists()


def test_ci_runs_what_a_developer_runs() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").split("\n")

    assert "set -euo pipefail" in lines
    assert "exec make test </dev/null" in lines


def test_git_and_docker_leave_secrets_alone() -> None:
    ignored = _git("check-ignore", ".secrets.toml", "settings.local.toml", ".env", "data/webot.db").split()
    allowed = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)

    assert [".secrets.toml", "settings.local.toml", ".env", "data/webot.db"] == ignored
    assert "*" in (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    assert set() == set(allowed) & {".secrets.toml", "settings.local.toml", ".env", "data", ".git"}


def test_the_dockerfile_copies_what_there_is_and_what_docker_may_see() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    allowed = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert [] == [source for source in copied if not (ROOT / source).exists()]
    assert set() == {source.partition("/")[0] for source in copied} ^ set(allowed)
    assert set() == {*packages, "settings.toml"} - set(copied)


def test_the_container_runs_as_nobody_much_and_is_asked_for_its_health() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    stages = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    (health,) = re.findall(r'CMD \["python", "-c", "(.*)"\]', dockerfile)

    assert ["python:3.11-slim", "python:3.11-slim"] == stages
    assert re.findall(r"^USER (\S+)", dockerfile, re.MULTILINE) == ["10001:10001"]
    compile(health.replace('\\"', '"'), "the health check", "exec")
    assert "/readyz" in health


def test_compose_opens_no_port_to_other_machines() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]

    assert ["127.0.0.1:50008:50008", "127.0.0.1:50009:50009"] == ports
    assert ["postgres"] == compose["services"]["postgres"]["profiles"]
    assert "profiles" not in compose["services"]["webot"]


def _longest_stop() -> float:
    """Return how long a service with default settings may take from SIGTERM to its end, in seconds."""
    waits = (worker._LAST_SECONDS, server._GRACE_SECONDS)  # noqa: SLF001 -- what is waited for, each once
    return Limits().drain_seconds + sum(waits)


def test_a_container_has_the_time_a_stop_may_take() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    grace = float(compose["services"]["webot"]["stop_grace_period"].removesuffix("s"))

    assert grace >= _longest_stop() + 10


def test_a_container_can_write_where_it_must_and_nowhere_else() -> None:
    webot = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]["webot"]

    assert webot["read_only"]
    assert ["/tmp"] == webot["tmpfs"]  # noqa: S108 -- the container's own
    assert {"mem_limit", "pids_limit", "logging"} <= set(webot)


def test_no_password_is_everybodys() -> None:
    postgres = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]["postgres"]

    assert "${POSTGRES_PASSWORD:-}" == postgres["environment"]["POSTGRES_PASSWORD"]


def test_the_unit_begins_again_and_has_the_time_a_stop_may_take() -> None:
    text = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```ini\n(\[Unit\].*?)```", text, re.DOTALL)
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # systemd's keys are as they are written
    unit.read_string(block)

    assert "0" == unit["Unit"]["StartLimitIntervalSec"]
    assert ("always", "2", "0077") == tuple(unit["Service"][key] for key in ("Restart", "RestartSec", "UMask"))
    assert float(unit["Service"]["TimeoutStopSec"]) >= _longest_stop() + 10


def _git(*args: str) -> str:
    return subprocess.run(  # noqa: S603 (reads this repository)
        ["git", *args],  # noqa: S607 (whichever git there is)
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout


def _make(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (our own Makefile)
        ["make", "--no-print-directory", *args],  # noqa: S607 (whichever make there is)
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
