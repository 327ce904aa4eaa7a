import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wecom.client.media import clean_name, ending_of, kind_for, mime_of


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("报告.pdf", "报告.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.txt", "a.txt"),
        ('a"b\r\nX: 1.txt', "abX 1.txt"),
        ("", "file"),
        ("...", "file"),
        (".gitignore", "gitignore"),
        ("a/", "file"),
        ("\u202egpj.exe", "gpj.exe"),
        ("字" * 100 + ".pdf", "字" * 38 + ".pdf"),
        ("a." + "b" * 200, "a." + "b" * 118),
        ("👩‍👩‍👧" * 20, None),
    ],
)
def test_a_name_is_made_safe(name: str, cleaned: str | None) -> None:
    assert clean_name(name) == cleaned or cleaned is None


@given(st.text())
def test_no_name_breaks_a_header_or_a_file_system(name: str) -> None:
    cleaned = clean_name(name)

    assert cleaned
    assert len(cleaned.encode("utf-8")) <= 120
    assert not set(cleaned) & set('"\\/:\r\n\x00')


def test_a_clean_name_is_left_as_it_is() -> None:
    assert clean_name(clean_name('x/"报告" v1.2 (终).tar.gz')) == "报告 v1.2 (终).tar.gz"


@pytest.mark.parametrize("data", [b"", b"\x00", b"RIFF", b"plain text"])
def test_bytes_of_no_known_type_are_only_bytes(data: bytes) -> None:
    assert ("application/octet-stream", "") == (mime_of(data), ending_of(mime_of(data)))


def test_a_video_keeps_its_kind_and_a_film_of_another_format_is_a_file() -> None:
    assert ("video", "file") == (kind_for("video", "video/mp4", 100), kind_for("video", "video/webm", 100))
