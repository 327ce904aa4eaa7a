"""Takes pictures in base64 out of a model's words, also those that come in many pieces: they are no words, and long."""

import re

from chains.models.openai.transport import ANSWER_BYTES, AnswerTooLarge

_BEGIN = re.compile(r"!\[[^\[\]\n]{0,400}\]\((?=data:image/)[\w:/.+-]{5,60};base64,")
_PERHAPS = re.compile(r"!\[[^\[\]\n]{0,400}(?:\](?:\(([\w:/.;,+-]{0,80}))?)?\Z")
"""What may become the beginning of a picture, at the end of what has come."""
_MARK = "!["
_ADDRESS = "data:image/"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_ \t\r\n"
_LEAST = 16
"""Characters of base64: fewer are an example of an address."""
_WORDS = 1000
"""Characters of a picture without an end that are taken for words."""


class InlinePictures:
    """The pictures of one answer's words."""

    def __init__(self) -> None:
        self._held: list[str] = []
        self._size = 0
        self._is_within = False

    def feed(self, text: str) -> tuple[str, list[str]]:
        """Return the words of a piece, and the addresses of pictures that end in it; what may be a picture is held.

        Raises:
            AnswerTooLarge: a picture has more characters than an answer may have.
        """
        if self._held:
            text = self._continued(text)
        elif "!" not in text:
            return text, []
        said: list[str] = []
        pictures: list[str] = []
        done, place = 0, text.find(_MARK)
        while place >= 0:
            following = text.find(_MARK, place + 1)
            if (begin := _BEGIN.match(text, place)) is None:
                if following < 0 and _is_begun(text, place):
                    return self._hold(said, text[done:place], text[place:], pictures, is_within=False)
            else:
                # There is none in base64, so that no character is looked at twice.
                last = following if following >= 0 else len(text)
                end = text.find(")", begin.end(), last)
                if end < 0 and following < 0 and _is_base64(text[begin.end() :]):
                    return self._hold(said, text[done:place], text[place:], pictures, is_within=True)
                if end - begin.end() >= _LEAST and _is_base64(text[begin.end() : end]):
                    said.append(text[done:place])
                    pictures.append(text[text.index("](", place) + 2 : end])
                    done = end + 1
            place = following
        if text.endswith("!"):
            return self._hold(said, text[done:-1], "!", pictures, is_within=False)
        return "".join((*said, text[done:])), pictures

    def rest(self) -> str:
        """Return what was held at the end of an answer, if it is words."""
        held, self._held, self._size = "".join(self._held), [], 0
        return held if len(held) <= _WORDS else ""

    def _continued(self, text: str) -> str:
        """Return what was held with a piece after it; nothing while that is the middle of a picture."""
        self._held.append(text)
        self._size += len(text)
        if self._size > ANSWER_BYTES:
            raise AnswerTooLarge("a picture of more bytes than any honest answer")
        if self._is_within and _is_base64(text):
            return ""
        whole, self._held, self._size = "".join(self._held), [], 0
        return whole

    def _hold(
        self, said: list[str], before: str, held: str, pictures: list[str], *, is_within: bool
    ) -> tuple[str, list[str]]:
        self._held, self._size, self._is_within = [held], len(held), is_within
        return "".join((*said, before)), pictures


def _is_base64(text: str) -> bool:
    return text.isascii() and not text.encode("ascii").translate(None, _BASE64)


def _is_begun(text: str, place: int) -> bool:
    found = _PERHAPS.match(text, place)
    address = "" if found is None else found[1] or ""
    return found is not None and (address.startswith(_ADDRESS) or _ADDRESS.startswith(address))
