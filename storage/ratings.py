"""What people think of the answers they were given."""

from sqlalchemy import Select, false, select

from storage.tables import conversations, messages


def latest_answer(person: str) -> Select[tuple[int]]:
    """Look for the latest answer of a model to a person; commands' own replies are none."""
    return (
        select(messages.c.id)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(conversations.c.person == person, messages.c.role == "ai", messages.c.aside == false())
        .order_by(conversations.c.number.desc(), messages.c.turn.desc())
        .limit(1)
    )
