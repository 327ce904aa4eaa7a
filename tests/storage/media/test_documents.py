"""Documents as text: files of every encoding people have, PDFs by page, and what is none of it."""

from pathlib import Path

import pymupdf
import pytest

from pipeline.errors import TooLarge, Unreadable
from pipeline.ports import DocumentText
from storage.media import documents
from storage.media.documents import StoredDocuments
from storage.media.files import MediaFolder


def pdf(*pages: str, password: str = "") -> bytes:
    with pymupdf.open() as document:
        for text in pages:
            document.new_page().insert_text((72, 72), text)
        kind = pymupdf.PDF_ENCRYPT_AES_256 if password else pymupdf.PDF_ENCRYPT_NONE
        return bytes(document.tobytes(encryption=kind, user_pw=password or None))


async def text_of(folder: Path, data: bytes, *, most: int = 1000) -> DocumentText:
    media = MediaFolder(folder)
    return await StoredDocuments(media).text_of(await media.keep(data, mime="", name="a"), most=most)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
async def test_text_is_read_in_the_encodings_people_have(tmp_path: Path, encoding: str) -> None:
    found = await text_of(tmp_path, "姓名,部门\r\n张三,研发\n".encode(encoding))

    assert DocumentText(("姓名,部门\r\n张三,研发\n",), 1) == found


async def test_a_pdf_is_read_by_page_and_no_further_than_needed(tmp_path: Path) -> None:
    data = pdf("first page", "second page", "third page")
    whole = await text_of(tmp_path, data)
    begun = await text_of(tmp_path, data, most=15)

    assert ["first page\n", "second page\n", "third page\n"] == list(whole.pages)
    assert (3, True) == (whole.page_count, whole.is_paged)
    assert (2, 3) == (len(begun.pages), begun.page_count)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"PK\x03\x04\x14\x00\x06\x00", id="a zip, as Word and Excel write"),
        pytest.param(b"\x89PNG\r\n\x1a\n\x00", id="a picture"),
        pytest.param(b"\xff\xfe\x00\xd8", id="half a character"),
        pytest.param(b"%PDF-1.7\n" + b"\xff" * 500, id="what only says that it is a PDF"),
        pytest.param(pdf("secret", password="x"), id="a PDF with a password"),
        pytest.param(pdf("one")[:300], id="a PDF cut short"),
    ],
)
async def test_what_cannot_be_read_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Unreadable):
        await text_of(tmp_path, data)


async def test_a_text_file_that_is_too_large_is_refused_by_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "LARGEST_TEXT", 1024 * 1024)
    with pytest.raises(TooLarge) as refusal:
        await text_of(tmp_path, b"a" * (1024 * 1024 + 1))

    assert 1 == refusal.value.most


async def test_a_pdf_that_wants_more_than_a_process_may_take_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    loop = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[2 0 R]/Count 99999>>endobj\n"
    )
    with pytest.raises(Unreadable):
        await text_of(tmp_path, loop + b"trailer<</Root 1 0 R>>\n%%EOF")

    assert ("fine\n",) == (await text_of(tmp_path, pdf("fine"))).pages
