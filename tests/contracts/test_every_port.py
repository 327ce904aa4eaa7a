"""Every port of the core is tested once over all that implements it, or it is said here why not."""

import ast
import re
from pathlib import Path

from pipeline import ports

# Ports without a fake: tests use the real one, whose own test is named here.
ONLY_REAL = {
    "ReplyingChannel": "tests/adapters/aibot/test_streams.py",
    "PolledStreamStore": "tests/adapters/aibot/test_callback.py",
    "StyledChannel": "tests/adapters/test_wecom_app.py",
    "MessageStyles": "tests/storage/conversations/test_transcript.py",
    "ImageStore": "tests/storage/media/test_images.py",
    "AudioStore": "tests/storage/media/test_audio.py",
    "DocumentReader": "tests/storage/media/test_documents.py",
    "Revisions": "tests/storage/conversations/test_chain_revisions.py",
}
# Tested with another port that the same class implements.
WITH = {"AnswerDocuments": "Exporter"}
HERE = Path(__file__).parent


def test_every_port_has_a_contract_or_a_test_of_its_only_implementation() -> None:
    tree = ast.parse(Path(ports.__file__).read_text(encoding="utf-8"))
    names = [
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases)
    ]
    contracts = {name: HERE / f"test_{snake(WITH.get(name, name))}.py" for name in names if name not in ONLY_REAL}

    assert len(names) > 15
    assert [] == [name for name, file in contracts.items() if not file.exists()]
    assert [] == [file for file in ONLY_REAL.values() if not (HERE.parents[1] / file).exists()]
    assert set() == {*ONLY_REAL, *WITH} - set(names)


def snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
