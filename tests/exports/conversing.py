"""Has people say things, through the rows a turn would write."""

from collections.abc import Mapping, Sequence

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.replies import StoredMedia
from storage.conversations.ratings import adopt_ratings
from storage.database.codec import media_to_json
from storage.database.engine import Database
from storage.database.tables import conversations, messages, people

NOBODY_SAID: Mapping[int, tuple[int, str]] = {}
_NOT_MADE = {"chain": "", "revision": "", "model": "", "output_tokens": 0, "rating": 0, "rating_note": ""}


async def converse(  # noqa: PLR0913 (what a test cares for)
    database: Database,
    user: str,
    exchanges: Sequence[tuple[str, str]],
    *,
    at: float,
    channel: str = "wecom",
    pictures: tuple[StoredMedia, ...] = (),
    persona: str = "",
    model: str = "deepseek-chat",
    revision: str = "r1",
    going_on: bool = True,
    ratings: Mapping[int, tuple[int, str]] = NOBODY_SAID,
) -> int:
    """Let a person have a conversation; give its id."""
    person = f"{channel}/{user}"
    into = postgresql.insert if database.shared else sqlite.insert
    async with database.write() as connection:
        number = (
            await connection.execute(select(func.count()).where(conversations.c.person == person))
        ).scalar_one() + 1
        await connection.execute(
            into(people).values(person=person, channel=channel, user=user).on_conflict_do_nothing()
        )
        talk: int = (
            await connection.execute(
                insert(conversations)
                .values(
                    person=person,
                    number=number,
                    title=exchanges[0][0][:40],
                    persona=persona,
                    turns=len(exchanges),
                    started_at=at,
                    last_at=at + 60 * len(exchanges),
                    closed_at=None if going_on else at + 60 * len(exchanges),
                )
                .returning(conversations.c.id)
            )
        ).scalar_one()
        await connection.execute(
            update(people)
            .where(people.c.person == person)
            .values(conversation_id=talk if going_on else None, conversations=number)
        )
        rows: list[dict[str, object]] = []
        for turn, (question, answer) in enumerate(exchanges, 1):
            common: dict[str, object] = {
                "conversation_id": talk,
                "turn": turn,
                "trace": turn,
                "created_at": at + 60 * turn,
            }
            shown = media_to_json(pictures if turn == 1 else ())
            rows.append(common | {"role": "human", "content": question, "media": shown} | _NOT_MADE)
            rating, note = ratings.get(turn, (0, ""))
            judged = {"rating": rating, "rating_note": note}
            made = {"chain": "default", "revision": revision, "model": model, "output_tokens": 7} | judged
            rows.append(common | {"role": "ai", "content": answer, "media": "[]"} | made)
        # All with the same columns, so that thousands are one statement.
        await connection.execute(insert(messages), rows)
    await adopt_ratings(database)
    return talk
