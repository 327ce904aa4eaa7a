"""Text that every database and every protocol takes, made from text that a model or a person produced."""


def wellformed(text: str) -> str:
    """Drop NUL characters, join surrogate halves that belong together, and mark those that do not with U+FFFD.

    JSON may carry both, and PostgreSQL and UTF-8 refuse both.
    """
    if "\x00" in text:
        text = text.replace("\x00", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
