"""The pictures of the pages: each is there, small, described, and one that `make pictures` takes."""

import re
from pathlib import Path

import pytest
from PIL import Image

from tests.screenshots.images import write_animation, write_picture
from tests.screenshots.picture_kinds import FOLDER, KINDS
from tests.screenshots.terminal_page import terminal_page

ROOT = Path(__file__).parents[1]
PAGES = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md"))
FILES = {file: language for kind in KINDS for file, language, _ in kind.files()}
LARGEST = {".png": 200_000, ".gif": 500_000}
SHOWN = r'(?:src|srcset)="([^"]+)"|!\[[^\]]*\]\(([^)\s]+)\)'


def shown_on(page: Path) -> list[Path]:
    """Return the pictures that a page shows."""
    found = re.findall(SHOWN, page.read_text(encoding="utf-8"))
    return [(page.parent / (html or markdown)).resolve() for html, markdown in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_picture_of_a_page_is_there_in_its_language_and_described(page: Path) -> None:
    language = "zh" if page.name.endswith(".zh-CN.md") else "en"
    tags = re.findall(r"<img [^>]*>", page.read_text(encoding="utf-8"))

    assert [] == [picture for picture in shown_on(page) if not picture.is_file()]
    assert {language} >= {FILES[picture.name] for picture in shown_on(page)}
    assert [] == [tag for tag in tags if not re.search(r'alt="[^"]{10,}"', tag)]


def test_every_picture_there_is_has_its_maker_is_small_and_shown_somewhere() -> None:
    files = {file.name: file.stat().st_size for file in FOLDER.iterdir()}
    shown = {picture.name for page in PAGES for picture in shown_on(page)}

    assert set(FILES) == set(files), "make pictures puts this right"
    assert {} == {file: size for file, size in files.items() if size > LARGEST[Path(file).suffix]}
    assert set() == set(files) - shown


def test_a_terminal_is_drawn_with_its_colours_and_nothing_of_what_it_shows_is_markup() -> None:
    page = terminal_page("\x1b[31m✗\x1b[0m <b>&\x1b[32m✓")

    assert '<b style="color:#ff7b72">✗</b> &lt;b&gt;&amp;<b style="color:#7ee787">✓</b>' in page


def test_pictures_keep_their_size_and_animations_their_frames(tmp_path: Path) -> None:
    for number, colour in enumerate(("red", "blue")):
        Image.new("RGB", (40, 30), colour).save(tmp_path / f"{number}.png")
    frames = [((tmp_path / f"{number}.png").read_bytes(), 100) for number in range(2)]
    write_picture(frames[0][0], tmp_path / "made.png")
    write_animation(frames, tmp_path / "made.gif")

    with Image.open(tmp_path / "made.png") as picture, Image.open(tmp_path / "made.gif") as film:
        assert ("P", (40, 30)) == (picture.mode, picture.size)
        assert (2, (40, 30)) == (getattr(film, "n_frames", 1), film.size)
