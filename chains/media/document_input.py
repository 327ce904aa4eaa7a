"""Document input: a file's text, put before the model as a question with its name and its pages."""

from collections.abc import Iterator
from dataclasses import dataclass

from chains.media.services import MediaServices
from pipeline.answer import Outcome
from pipeline.errors import TooLarge, Undeliverable, Unreadable
from pipeline.ports import AnswerRequest, DocumentText
from pipeline.replies import TextReply
from pipeline.text.i18n import Catalogue
from pipeline.text.unicode import is_visible, wellformed

MOST_CHARACTERS = 30_000
"""Of a document that a model is shown: about a third of what most read at once, so that questions about it fit, too."""


@dataclass(frozen=True, slots=True)
class DocumentIntake:
    """Takes in files."""

    media_services: MediaServices
    catalogue: Catalogue

    async def take(self, ask: AnswerRequest, media_id: str, name: str) -> Outcome | str:
        """Return the question that a file is, or a sentence that says why it is none."""
        documents = self.media_services.documents
        if documents is None:
            return self._reply("kind.file")
        try:
            file = await ask.fetch(media_id)
            document = await documents.text_of(file, most=MOST_CHARACTERS)
        except Undeliverable:
            return self._reply("received_file.gone")
        except TooLarge as error:
            return self._reply("received_file.too_large", most=error.most)
        except Unreadable:
            return self._reply("kind.file")
        if not any(is_visible(page) for page in document.pages):
            return self._reply("received_file.empty")
        return self._question(name or file.name, document)

    def _question(self, name: str, document: DocumentText) -> str:
        shown: list[str] = []
        room, last = MOST_CHARACTERS, 0
        for number, page in enumerate(document.pages, 1):
            if room <= 0:
                break
            text = wellformed(page.replace("\x00", ""))[:room].strip()
            room -= len(page)
            last = number
            heading = self.catalogue.text("received_file.page", number=number) if document.is_paged else ""
            shown += filter(None, (heading, text))
        lines = list(self._above(name, document))
        if room < 0 or last < document.page_count:
            pages = document.is_paged
            lines.append(self.catalogue.text("received_file.cut_pages" if pages else "received_file.cut", last=last))
        return "\n\n".join((*lines, "\n\n".join(shown)))

    def _above(self, name: str, document: DocumentText) -> Iterator[str]:
        clean = " ".join(wellformed(name).split()) or self.catalogue.text("received_file.unnamed")
        sentence = "received_file.alone_pages" if document.is_paged else "received_file.alone"
        yield self.catalogue.text(sentence, name=clean, pages=document.page_count)

    def _reply(self, sentence: str, **blanks: object) -> Outcome:
        return Outcome((TextReply(self.catalogue.text(sentence, **blanks)),))
