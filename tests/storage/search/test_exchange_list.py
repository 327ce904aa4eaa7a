"""What was said is listed newest first, filtered and searched by an index, on both databases."""

import asyncio

import pytest
from sqlalchemy import text, update

from pipeline.answer import Provenance, ToolUse
from pipeline.events import Person
from storage.conversations.deletion import forget, forget_old
from storage.database.engine import Database, open_database
from storage.database.migrate import migrate, upgrade
from storage.database.tables import messages
from storage.search.exchange_filter import ExchangeFilter
from storage.search.exchange_list import list_exchanges, matching_conversations
from storage.terms.index_builder import IndexBuilder, count_unindexed
from storage.terms.term_index import clean_index
from tests.exports.conversing import converse
from tests.storage.search.saying import ANN, NOON, questions, rate, say

DAY = 86400.0
BOB = Person("bot", "bob")


@pytest.fixture
async def said(database: Database) -> Database:
    await say(database, "支付接口为什么失败？", "请检查 API 密钥。", at=NOON - 400 * DAY)
    await say(database, "失败的是支付", "It is the Gateway_2 that fails", by=Provenance("it", "r2", "qwen-max"))
    searched = Provenance("it", "r3", "qwen-max", tools=(ToolUse("search", "{}", "done"),))
    await say(database, "100% 对吗", "ＡＰＩ\u3000对", by=searched, person=BOB, group="g_1")
    broken = Provenance("hr", "r1", "qwen-max", tools=(ToolUse("mail", "{}", "timeout"),))
    await say(database, "hello wörld", "", by=broken, person=BOB, at=NOON + DAY)
    await say(database, "last", "cut", by=Provenance("hr", "r1", "m", cut="length"), at=NOON + 2 * DAY)
    return database


LAST, HELLO, PERCENT, REVERSED, PAYMENT = "last", "hello wörld", "100% 对吗", "失败的是支付", "支付接口为什么失败？"


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param(ExchangeFilter(), [LAST, HELLO, PERCENT, REVERSED, PAYMENT], id="everything, newest first"),
        pytest.param(ExchangeFilter(words="支付"), [REVERSED, PAYMENT], id="any two Chinese characters"),
        pytest.param(ExchangeFilter(words="付接"), [PAYMENT], id="across words"),
        pytest.param(ExchangeFilter(words="支付失败"), [], id="what only stands apart is not found together"),
        pytest.param(ExchangeFilter(words="失败 支付"), [REVERSED, PAYMENT], id="parts between spaces stand anywhere"),
        pytest.param(ExchangeFilter(words="支付 密钥"), [PAYMENT], id="one in the question, one in the answer"),
        pytest.param(ExchangeFilter(words="api"), [PERCENT, PAYMENT], id="a word whatever its case and width"),
        pytest.param(ExchangeFilter(words="gateway_2 THAT"), [REVERSED], id="words"),
        pytest.param(ExchangeFilter(words="WÖRLD"), [HELLO], id="a word with a mark"),
        pytest.param(ExchangeFilter(words="100% 对"), [PERCENT], id="signs and a lone character beside a word"),
        pytest.param(ExchangeFilter(user="ANN"), [LAST, REVERSED, PAYMENT], id="a person, whatever the case"),
        pytest.param(ExchangeFilter(user="bob"), [HELLO, PERCENT], id="a person, also in a group"),
        pytest.param(ExchangeFilter(user="nn"), [], id="no half of a person's name"),
        pytest.param(ExchangeFilter(channel="bot"), [HELLO, PERCENT], id="a channel"),
        pytest.param(ExchangeFilter(group="g_1"), [PERCENT], id="a group"),
        pytest.param(ExchangeFilter(chain="it"), [PERCENT, REVERSED], id="a chain"),
        pytest.param(ExchangeFilter(chain="it", revision="r2"), [REVERSED], id="a revision of it"),
        pytest.param(ExchangeFilter(model="qwen-max", channel="bot"), [HELLO, PERCENT], id="a model and a channel"),
        pytest.param(ExchangeFilter(tool="search"), [PERCENT], id="a tool"),
        pytest.param(ExchangeFilter(failed=True), [LAST, HELLO], id="what failed"),
        pytest.param(ExchangeFilter(since=NOON, until=NOON + 2 * DAY), [HELLO, PERCENT, REVERSED], id="days"),
        pytest.param(ExchangeFilter(until=NOON), [PAYMENT], id="long ago"),
        pytest.param(ExchangeFilter(since=NOON + 1), [LAST, HELLO], id="lately"),
        pytest.param(ExchangeFilter(since=NOON, until=NOON), [], id="no time at all"),
        pytest.param(ExchangeFilter(words="对", since=NOON), [PERCENT], id="a lone character within some days"),
        pytest.param(ExchangeFilter(words='" OR (支付 * NEAR'), [], id="no language of queries"),
    ],
)
async def test_what_is_wanted_is_found(said: Database, wanted: ExchangeFilter, found: list[str]) -> None:
    assert found == await questions(said, wanted)


async def test_each_exchange_comes_with_how_it_came_to_be(said: Database) -> None:
    (found,) = (await list_exchanges(said, ExchangeFilter(group="g_1"))).exchanges

    assert ("bot", "bob", "g_1", "it", "r3", "qwen-max") == (
        found.channel,
        found.user,
        found.group,
        found.chain,
        found.revision,
        found.model,
    )
    assert "search" == found.tools[0].name
    assert not found.failed


@pytest.mark.parametrize("words", ["支", "?!", "%", "🙂"])
def test_words_that_no_index_finds_are_told(words: str) -> None:
    assert ExchangeFilter(words=words).too_short
    assert not ExchangeFilter(words=f"{words} 支付").too_short


async def test_a_judgement_is_found_and_one_taken_back_is_not(said: Database) -> None:
    await rate(said, good=False)
    await rate(said, good=True, person=BOB)

    assert [LAST] == await questions(said, ExchangeFilter(rated="bad", words="cut"))
    assert [HELLO] == await questions(said, ExchangeFilter(rated="good"))
    await rate(said, good=None)
    assert [] == await questions(said, ExchangeFilter(rated="bad"))
    assert [LAST] == await questions(said, ExchangeFilter(words="cut"))


async def terms_left(database: Database) -> int:
    async with database.read() as connection:
        if database.shared:
            return int((await connection.execute(text("SELECT count(*) FROM exchange_terms"))).scalar_one())
        await connection.execute(text("CREATE VIRTUAL TABLE temp.v USING fts5vocab(main, exchange_terms, row)"))
        left = int((await connection.execute(text("SELECT count(*) FROM temp.v"))).scalar_one())
        await connection.execute(text("DROP TABLE temp.v"))
        return left


async def test_nothing_of_whom_is_forgotten_is_left_in_the_index(said: Database) -> None:
    await rate(said, good=False)
    await forget(said, ANN, who="t")
    assert [HELLO, PERCENT] == await questions(said, ExchangeFilter())
    assert [] == await questions(said, ExchangeFilter(words="支付"))
    await forget(said, BOB, who="t")
    assert [] == await questions(said, ExchangeFilter(words="hello"))
    await clean_index(said)

    assert 0 == await terms_left(said)


async def test_what_is_old_leaves_the_index_too(said: Database) -> None:
    assert await terms_left(said)
    await forget_old(said, days=1)
    await clean_index(said)

    left = await questions(said, ExchangeFilter())
    assert left == await questions(said, ExchangeFilter(since=0.0))
    assert PAYMENT not in left


async def test_what_was_said_before_is_indexed_in_the_background(database: Database) -> None:
    for number in range(70):
        await converse(database, f"u{number}", [(f"第{number:02d}个问题", "旧答案")] * 2, at=NOON)
    await say(database, "新的问题", "新答案")
    old = Person("wecom", "u3")
    assert ["新的问题"] == await questions(database, ExchangeFilter(words="问题"))
    assert 140 == await count_unindexed(database)
    # Forgotten before it was indexed.
    await forget(database, old, who="t")

    assert 138 == await IndexBuilder(database, pause=lambda _: 0.0).build()

    assert 0 == await count_unindexed(database)
    assert 139 == len(await questions(database, ExchangeFilter(words="问题")))
    assert [] == await questions(database, ExchangeFilter(user="u3"))
    assert 2 == len(await questions(database, ExchangeFilter(words="第42个")))
    assert 0 == await IndexBuilder(database, pause=lambda _: 0.0).build()
    found = await matching_conversations(database, ExchangeFilter(words="旧答"), newest=9999)
    assert 69 == len(found)


@pytest.mark.usefixtures("no_schema")
async def test_what_was_indexed_before_there_were_blocks_is_found_again_once_it_is_indexed_anew(
    database_url: str,
) -> None:
    database = await asyncio.to_thread(open_database, database_url)
    async with database.write() as connection:
        await connection.run_sync(upgrade, "0025")
    await say(database, "从前的问题", "旧答案")
    await migrate(database)

    assert int(database.shared) == await count_unindexed(database)
    await IndexBuilder(database, pause=lambda _: 0.0).build()
    assert ["从前的问题"] == await questions(database, ExchangeFilter(words="问题", user="ann"))
    await database.close()


async def test_what_a_process_of_the_version_before_writes_during_an_upgrade_is_found(database: Database) -> None:
    if not database.shared:
        pytest.skip("only PostgreSQL is upgraded under running processes")
    await say(database, "新问题", "新答案")
    async with database.write() as connection:
        # As 0025 wrote it: the terms alone, and nothing of blocks.
        terms = (await connection.execute(text("SELECT message_id, terms FROM exchange_terms"))).one()
        await connection.execute(text("DELETE FROM exchange_terms"))
        await connection.execute(
            text("INSERT INTO exchange_terms (message_id, terms) VALUES (:id, :terms)"),
            {"id": terms.message_id, "terms": terms.terms},
        )

    assert 0 == await count_unindexed(database)
    assert ["新问题"] == await questions(database, ExchangeFilter(words="问题"))


async def test_a_row_that_says_anything_is_listed_all_the_same(database: Database) -> None:
    hostile = "<script>alert(1)</script>\u202e\x1b[31m" + "長" * 300_000
    talk = await converse(database, "eve", [(hostile, "好"), ("二", "答")], at=NOON)
    if not database.shared:
        async with database.write() as connection:
            await connection.execute(
                text("UPDATE messages SET created_at = 'x', tools = '{', rating = 9, cost = 'y' WHERE turn = 1")
            )
    await IndexBuilder(database, pause=lambda _: 0.0).build()

    assert ["二", hostile[:1200]] == await questions(database, ExchangeFilter())
    assert [hostile] == await questions(database, ExchangeFilter(words="長長長 alert(1)"))
    assert [talk] == await matching_conversations(database, ExchangeFilter(words="長長"), newest=99)


async def test_a_row_changed_by_hand_keeps_nobody_from_being_forgotten(database: Database) -> None:
    await say(database, "一", "二")
    await say(database, "别人的问题", "别人的答案", person=BOB)
    async with database.write() as connection:
        await connection.execute(update(messages).values(content="另一些" * 400))
    await forget(database, ANN, who="t")
    await clean_index(database)

    await IndexBuilder(database, pause=lambda _: 0.0).build()
    assert ["另一些" * 400] == await questions(database, ExchangeFilter(user="bob"))
    assert 1 == len(await questions(database, ExchangeFilter()))
