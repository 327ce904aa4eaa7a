"""The files of others that pages load: each listed, unchanged, and with its licence beside it."""

import hashlib
import json
import tomllib
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import pytest

from tests.service import RunningService, running_service

CONSOLE = files("web.console")
LISTED = tomllib.loads(CONSOLE.joinpath("vendored.toml").read_text())["file"]


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[RunningService]:
    async with running_service(tmp_path) as opened:
        yield opened


def test_each_vendored_file_is_the_one_that_is_listed_and_its_licence_is_there() -> None:
    for each in LISTED:
        data = CONSOLE.joinpath(each["path"]).read_bytes()

        assert each["sha256"] == hashlib.sha256(data).hexdigest(), each["path"]
        assert CONSOLE.joinpath(each["licence_file"]).read_text().strip()
        assert each["package"]
        assert each["version"]
        assert each["licence"]


def test_no_minified_file_is_missing_from_the_list() -> None:
    minified = {
        f"{folder.name}/{file.name}"
        for folder in CONSOLE.iterdir()
        if folder.is_dir()
        for file in folder.iterdir()
        if ".min." in file.name
    }

    assert minified <= {each["path"] for each in LISTED}


def test_the_editors_licence_names_the_versions_that_are_locked() -> None:
    editor = CONSOLE.joinpath("chains", "editor")
    packages = json.loads(editor.joinpath("package-lock.json").read_text())["packages"]
    bundled = {name.removeprefix("node_modules/"): each for name, each in packages.items() if name}
    licence = " ".join(CONSOLE.joinpath("chains", "codemirror.LICENSE.txt").read_text().split())

    for name, package in bundled.items():
        assert "resolved" not in package, name
        if not package.get("dev"):
            assert f"{name.rpartition('/')[2]} {package['version']}" in licence, name


async def test_files_are_packed_for_browsers_that_take_it(service: RunningService) -> None:
    packed = await service.http.get("/console/static/codemirror.min.js", headers={"Accept-Encoding": "br, gzip"})
    plain = await service.http.get("/console/static/codemirror.min.js", headers={"Accept-Encoding": "gzip;q=0"})

    assert ("gzip", None) == (packed.headers.get("content-encoding"), plain.headers.get("content-encoding"))
    assert int(packed.headers["content-length"]) * 2 < int(plain.headers["content-length"])
    assert packed.content == plain.content
