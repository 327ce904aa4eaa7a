"""Real questions, found again for trying a chain on them."""

from sqlalchemy import insert

from pipeline.answer import Exchange
from storage.conversations.questions import latest_questions
from storage.database.engine import Database
from storage.database.tables import conversations, messages, people


async def talk(database: Database, user: str, *chains: str) -> None:
    """Have somebody ask one question for each chain named."""
    person = f"wecom/{user}"
    async with database.write() as connection:
        await connection.execute(insert(people).values(person=person, channel="wecom", user=user))
        conversation = (
            await connection.execute(
                insert(conversations)
                .values(person=person, number=1, title="", turns=len(chains), started_at=0.0, last_at=0.0)
                .returning(conversations.c.id)
            )
        ).scalar_one()
        for turn, chain in enumerate(chains, 1):
            for role, said in (("human", f"{user} asks {turn}"), ("ai", f"answer {turn}")):
                await connection.execute(
                    insert(messages).values(
                        conversation_id=conversation,
                        turn=turn,
                        role=role,
                        content=said,
                        created_at=0.0,
                        trace=turn,
                        chain=chain if role == "ai" else "",
                    )
                )


async def questions(database: Database, *users: str, last: int = 10) -> list[str]:
    found = await latest_questions(database, "hr", last=last, users=users, turns=0)
    return [asked.question for asked in found]


async def test_only_the_questions_of_those_who_agreed_are_found(database: Database) -> None:
    await talk(database, "Ann", "hr", "it", "hr")
    await talk(database, "bob", "hr")

    assert [] == await questions(database)
    assert ["Ann asks 1", "Ann asks 3"] == await questions(database, "ann")
    assert ["Ann asks 1", "Ann asks 3", "bob asks 1"] == await questions(database, "*")
    assert ["Ann asks 3", "bob asks 1"] == await questions(database, "*", last=2)


async def test_a_question_comes_with_what_was_said_before_it(database: Database) -> None:
    await talk(database, "ann", "hr", "it", "hr", "hr")
    found = await latest_questions(database, "hr", last=2, users=["ann"], turns=2)

    assert [
        (Exchange("ann asks 1", "answer 1"), Exchange("ann asks 2", "answer 2")),
        (Exchange("ann asks 2", "answer 2"), Exchange("ann asks 3", "answer 3")),
    ] == [asked.before for asked in found]
