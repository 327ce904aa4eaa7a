"""What each format a transcript can be had in is like."""

from dataclasses import dataclass

from pipeline.exports import Format


@dataclass(frozen=True, slots=True)
class FormatTraits:
    """What a format is like; `paged` ones are a document for each conversation, the others one file of records."""

    suffix: str
    mime: str
    paged: bool = True
    whole: bool = True
    """Whether a conversation must be there as a whole before it can be written."""


EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of every file in an archive: the same data gives the same bytes."""

FORMAT_TRAITS: dict[Format, FormatTraits] = {
    "pdf": FormatTraits(".pdf", "application/pdf"),
    "md": FormatTraits(".md", "text/markdown"),
    "html": FormatTraits(".html", "text/html"),
    "txt": FormatTraits(".txt", "text/plain"),
    "jsonl": FormatTraits(".jsonl", "application/jsonl", paged=False, whole=False),
    "csv": FormatTraits(".csv", "text/csv", paged=False, whole=False),
    "finetune": FormatTraits(".finetune.jsonl", "application/jsonl", paged=False),
    "sharegpt": FormatTraits(".sharegpt.jsonl", "application/jsonl", paged=False),
}
