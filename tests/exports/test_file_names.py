"""Folders of people and groups whose names a file system could take for one another."""

from pathlib import Path
from unicodedata import normalize

from hypothesis import example, given
from hypothesis import strategies as st

from exports.file_names import safe_name
from exports.job import ExportJob, Exports
from exports.select import Selection
from exports.workers.pool import RenderPool
from storage.database.engine import Database
from storage.media.files import MediaFolder
from tests.exports.conversing import converse
from tests.exports.samples import NOON

# Each is one name to a file system that tells neither case nor the forms of Unicode apart.
ALIKE = [
    ("zhangsan", "ZhangSan", "ZHANGSAN"),
    ("josé", "jose\u0301", "JOSÉ"),
    ("가나", "\u1100\u1161\u1102\u1161"),
    ("豈", "\uf900"),
    ("strasse", "straße", "STRASSE"),
    ("i", "I", "ı", "İ"),
    ("σ", "ς", "Σ"),
    ("fi", "\ufb01"),
    ("zhang", "ｚｈａｎｇ"),
    ("a", "a.", ".a", "a "),
    ("con", "CON", "con.txt"),
    ("a/b", "a\\b", "a_b", "a:b"),
    ("", ".", ".."),
    ("x" * 99, "x" * 100, "x" * 300, "X" * 300),
]
LETTERS = st.sampled_from([letter for names in ALIKE for name in names for letter in name] + ["\ud800", "\u200d"])


def folded(name: str) -> frozenset[str]:
    """Give what file systems could keep a name as."""
    forms = {normalize(form, name) for form in ("NFC", "NFD", "NFKC")}
    return frozenset(each for form in forms for each in (form, form.upper(), form.lower(), form.casefold()))


def test_names_that_are_alike_get_folders_that_are_not() -> None:
    for names in ALIKE:
        made = [folded(safe_name(name)) for name in names]

        assert not any(one & other for place, one in enumerate(made) for other in made[:place]), names


@given(st.text(LETTERS, max_size=6), st.text(LETTERS, max_size=6))
@example("👪" * 90, "👪" * 91)
def test_no_two_names_get_one_folder_and_each_is_a_name(one: str, other: str) -> None:
    made = [safe_name(name) for name in (one, other)]

    assert one == other or not folded(made[0]) & folded(made[1])
    for each in made:
        assert 0 < len(each.encode()) <= 120
        assert each.strip(". ") == each
        assert not set(each) & set('/\\:*?"<>|\0')


async def test_each_persons_documents_lie_in_a_folder_of_their_own(database: Database, tmp_path: Path) -> None:
    people = [name for names in ALIKE[:4] for name in names]
    for name in people:
        await converse(database, name, [(f"我是 {name}。", "你好")], at=NOON, channel="wecom")
    exports = Exports(database, MediaFolder(tmp_path / "media"), RenderPool(processes=1, keep=True, seconds=60))
    await exports.to_folder(ExportJob(Selection(), "txt"), tmp_path / "out", lambda _: None)
    texts = [(file.parent.name, file.read_text("utf-8")) for file in (tmp_path / "out").rglob("0001 *.txt")]
    folders = [[folder for folder, said in texts if f"我是 {name}。" in said] for name in people]

    assert [1] * len(people) == [len(each) for each in folders]
    assert len(people) == len({normalize("NFC", folder).casefold() for (folder,) in folders})
