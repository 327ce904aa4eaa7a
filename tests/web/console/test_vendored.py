"""The files of others that pages load: each listed, unchanged, and with its licence beside it."""

import hashlib
import tomllib
from importlib.resources import files

CONSOLE = files("web.console")
LISTED = tomllib.loads(CONSOLE.joinpath("vendored.toml").read_text())["file"]


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
