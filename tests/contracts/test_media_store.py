"""What every store of files promises, asked of the folder and of its fake."""

from hashlib import sha256
from pathlib import Path

import pytest

from pipeline.errors import Undeliverable
from pipeline.ports import MediaStore
from pipeline.replies import StoredMedia
from storage.media.files import MediaFolder
from tests.fakes.ports import MemoryMedia


@pytest.fixture(params=["the fake", "the folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MediaStore:
    return MemoryMedia() if request.param == "the fake" else MediaFolder(tmp_path)


async def test_a_file_is_known_by_its_bytes_and_read_back_whole(store: MediaStore) -> None:
    kept = await store.keep(b"\x00picture", mime="image/png", name="猫.png")
    again = await store.keep(b"\x00picture", mime="image/png", name="猫.png")

    assert StoredMedia(sha256(b"\x00picture").hexdigest(), "image/png", "猫.png", 8) == kept == again
    assert b"\x00picture" == await store.read(kept)


async def test_a_file_that_is_gone_is_undeliverable(store: MediaStore) -> None:
    with pytest.raises(Undeliverable, match="gone"):
        await store.read(StoredMedia("f" * 64, "image/png", "x.png", 1))
