"""What each format a transcript can be had in is like."""

from dataclasses import dataclass

from pipeline.exports import Format


@dataclass(frozen=True, slots=True)
class Traits:
    """What a format is like; `paged` ones are a document for each conversation, the others one file of records."""

    suffix: str
    mime: str
    paged: bool = True
    whole: bool = True
    """Whether a conversation must be there as a whole before it can be written."""


EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every file in an archive: the same data gives the same bytes."""

TRAITS: dict[Format, Traits] = {
    "pdf": Traits(".pdf", "application/pdf"),
    "md": Traits(".md", "text/markdown"),
    "html": Traits(".html", "text/html"),
    "txt": Traits(".txt", "text/plain"),
    "jsonl": Traits(".jsonl", "application/jsonl", paged=False, whole=False),
    "csv": Traits(".csv", "text/csv", paged=False, whole=False),
    "finetune": Traits(".finetune.jsonl", "application/jsonl", paged=False),
    "sharegpt": Traits(".sharegpt.jsonl", "application/jsonl", paged=False),
}
