"""Document input: a file's text, put before the model as a question with its name and its pages."""

from collections.abc import Sequence
from dataclasses import dataclass

from chains.media.services import MediaServices
from pipeline.answer import Outcome
from pipeline.errors import TooLarge, Undeliverable, Unreadable
from pipeline.events import File
from pipeline.ports import AnswerRequest, DocumentReader, DocumentText
from pipeline.replies import TextReply
from pipeline.text.i18n import Catalogue
from pipeline.text.unicode import is_visible, wellformed

MOST_CHARACTERS = 30_000
"""Of the documents of one question: about a third of what most models read at once, so that more questions fit."""


@dataclass(frozen=True, slots=True)
class DocumentIntake:
    """Takes in files."""

    media_services: MediaServices
    catalogue: Catalogue

    async def take(self, ask: AnswerRequest, files: Sequence[File], *, words: str = "") -> Outcome | str:
        """Return the question that files and the words about them are, or a sentence that says why it is none."""
        documents = self.media_services.documents
        if documents is None:
            return self._reply("kind.file")
        shown = []
        for file in files:
            read = await self._read(
                ask, file, documents, is_alone=not words.strip(), most=MOST_CHARACTERS // len(files)
            )
            if isinstance(read, Outcome):
                return read
            shown.append(read)
        return "\n\n".join(filter(is_visible, (*shown, words)))

    async def _read(
        self, ask: AnswerRequest, sent: File, documents: DocumentReader, *, is_alone: bool, most: int
    ) -> Outcome | str:
        try:
            file = await ask.fetch(sent.media_id)
            document = await documents.text_of(file, most=most)
        except Undeliverable:
            return self._reply("received_file.gone")
        except TooLarge as error:
            return self._reply("received_file.too_large", most=error.most)
        except Unreadable:
            return self._reply("kind.file")
        if not any(is_visible(page) for page in document.pages):
            return self._reply("received_file.empty")
        return self._shown(sent.name or file.name, document, is_alone=is_alone, most=most)

    def _shown(self, name: str, document: DocumentText, *, is_alone: bool, most: int) -> str:
        shown: list[str] = []
        room, last = most, 0
        for number, page in enumerate(document.pages, 1):
            if room <= 0:
                break
            text = wellformed(page.replace("\x00", ""))[:room].strip()
            room -= len(page)
            last = number
            heading = self.catalogue.text("received_file.page", number=number) if document.is_paged else ""
            shown += filter(None, (heading, text))
        lines = [self._above(name, document, is_alone=is_alone)]
        if room < 0 or last < document.page_count:
            pages = document.is_paged
            lines.append(self.catalogue.text("received_file.cut_pages" if pages else "received_file.cut", last=last))
        return "\n\n".join((*lines, "\n\n".join(shown)))

    def _above(self, name: str, document: DocumentText, *, is_alone: bool) -> str:
        clean = " ".join(wellformed(name).split()) or self.catalogue.text("received_file.unnamed")
        sentence = f"received_file.{'alone' if is_alone else 'beside'}{'_pages' if document.is_paged else ''}"
        return self.catalogue.text(sentence, name=clean, pages=document.page_count)

    def _reply(self, sentence: str, **blanks: object) -> Outcome:
        return Outcome((TextReply(self.catalogue.text(sentence, **blanks)),))
