"""The schema: one for SQLite and PostgreSQL. Times are seconds since 1970, UTC."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts rows by itself only for a column it knows as INTEGER.
BIG = BigInteger().with_variant(Integer, "sqlite")

inbox = Table(
    "inbox",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),
    Column("lane", Text, nullable=False),
    # The place in the lane, counted under the lane's lock: a clock or a shared sequence would not keep the order.
    Column("n", BigInteger, nullable=False),
    Column("channel", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("sent_at", Double, nullable=False),
    Column("accepted_at", Double, nullable=False),
    Column("state", Text, nullable=False, default="waiting"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("failure", Text, nullable=False, default=""),
    Column("stopped", Boolean, nullable=False, default=False),
    Column("ended_at", Double),
    # What the channel answers it by, where that is not its key: a bot's req_id.
    Column("reply_id", Text, nullable=False, default="", server_default=""),
    UniqueConstraint("lane", "n", name="uq_inbox_lane_n"),
    # A trace id said to a person never names another turn later.
    sqlite_autoincrement=True,
)
Index("ix_inbox_ended_at", inbox.c.ended_at)
# What an operator asks for is rare among many finished turns.
_TROUBLED = inbox.c.state.in_(("failed", "undelivered", "waiting", "answered"))
Index("ix_inbox_state", inbox.c.state, sqlite_where=_TROUBLED, postgresql_where=_TROUBLED)

lanes = Table(
    "lanes",
    metadata,
    Column("lane", Text, primary_key=True),
    Column("state", SmallInteger, nullable=False, default=0),
    Column("owner", Text, nullable=False, default=""),
    Column("epoch", BigInteger, nullable=False, default=0),
    Column("head", BigInteger, nullable=False, default=0),
    Column("tail", BigInteger, nullable=False, default=0),
    Column("run_at", Double, nullable=False, default=0.0),
    # 1 where there may be answers that go out with the chat's next message.
    Column("held", SmallInteger, nullable=False, default=0, server_default="0"),
)
_NOT_IDLE = lanes.c.state != 0
Index("ix_lanes_state_run_at", lanes.c.state, lanes.c.run_at, sqlite_where=_NOT_IDLE, postgresql_where=_NOT_IDLE)

workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("expires_at", Double, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("host", Text, nullable=False),
)

connection_holders = Table(
    "connection_holders",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("expires_at", Double, nullable=False),
)

polled_streams = Table(
    "polled_streams",
    metadata,
    Column("id", Text, primary_key=True),
    Column("chat", Text, nullable=False),
    Column("person", Text, nullable=False, index=True),
    Column("opened_at", Double, nullable=False, index=True),
    Column("text", Text, nullable=False, default=""),
    Column("finished", Boolean, nullable=False, default=False),
    Column("is_read", Boolean, nullable=False, default=False),
    Column("pictures", Text, nullable=False, default="[]"),
    Column("address", Text, nullable=False, default=""),
    Column("addressed", Text, nullable=False, default=""),
    Column("is_address_used", Boolean, nullable=False, default=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("turn_id", BIG, ForeignKey("inbox.id", ondelete="CASCADE"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("person", Text, nullable=False),
    Column("part", Text, nullable=False),
    Column("state", Text, nullable=False, default="waiting"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("message_id", Text, nullable=False, default=""),
    Column("error", Text, nullable=False, default=""),
    Column("sent_at", Double),
    # How often it was held back until the chat's next message.
    Column("holds", SmallInteger, nullable=False, default=0, server_default="0"),
)
_SENT = outbox.c.sent_at.is_not(None)
Index("ix_outbox_person_sent_at", outbox.c.person, outbox.c.sent_at, sqlite_where=_SENT, postgresql_where=_SENT)

people = Table(
    "people",
    metadata,
    Column("person", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("persona", Text, nullable=False, default=""),
    Column("conversation_id", BIG),
    Column("conversations", Integer, nullable=False, default=0),
    # Those that came alone and wait for a question.
    Column("pictures", Text, nullable=False, default="[]", server_default="[]"),
    # Who answers, where the person has chosen.
    Column("model", Text, nullable=False, default="", server_default=""),
    # When they were last asked whether everything of theirs shall go; 0 for never.
    Column("forget_asked_at", Double, nullable=False, default=0, server_default="0"),
    # How they want messages to look, "plain" or "rich", where they have chosen.
    Column("message_style", Text, nullable=False, default="", server_default=""),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("person", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("persona", Text, nullable=False, default=""),
    Column("turns", Integer, nullable=False, default=0),
    # How many of the turns are commands' own, which no model is shown.
    Column("asides", Integer, nullable=False, default=0, server_default="0"),
    Column("started_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
    Column("closed_at", Double),
    UniqueConstraint("person", "number", name="uq_conversations_person_number"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("conversation_id", BIG, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("turn", Integer, nullable=False),
    Column("role", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("media", Text, nullable=False, default="[]"),
    Column("aside", Boolean, nullable=False, default=False, server_default=false()),
    Column("created_at", Double, nullable=False),
    Column("trace", BIG, nullable=False),
    Column("chain", Text, nullable=False, default=""),
    Column("revision", Text, nullable=False, default=""),
    Column("model", Text, nullable=False, default=""),
    Column("input_tokens", Integer, nullable=False, default=0),
    Column("output_tokens", Integer, nullable=False, default=0),
    Column("milliseconds", Integer, nullable=False, default=0),
    # In millionths of the currency of the settings.
    Column("cost", BigInteger, nullable=False, default=0, server_default="0"),
    # What was thought of an answer last: 1 good, -1 bad, 0 nothing said; each person's is in `ratings`.
    Column("rating", SmallInteger, nullable=False, default=0, server_default="0"),
    Column("rating_note", Text, nullable=False, default="", server_default=""),
    # What was used on the way to an answer.
    Column("tools", Text, nullable=False, default="[]", server_default="[]"),
    # Why an answer is not whole: length, filtered or interrupted; empty for one that is.
    Column("cut", Text, nullable=False, default="", server_default=""),
    # How many of the tokens were estimated, because the provider did not count them.
    Column("estimated", Integer, nullable=False, default=0, server_default="0"),
    # Whose turn it was in a group; empty where the conversation is one person's.
    Column("speaker", Text, nullable=False, default="", server_default=""),
    # Whether a question was spoken: its words are what a voice message was written down as.
    Column("spoken", Boolean, nullable=False, default=False, server_default=false()),
    # Whether the index by which an exchange is found has it.
    Column("indexed", Boolean, nullable=False, default=False, server_default=false()),
)
_UNINDEXED = (messages.c.indexed == false()) & (messages.c.role == "ai")
Index("ix_messages_unindexed", messages.c.id, sqlite_where=_UNINDEXED, postgresql_where=_UNINDEXED)
Index(
    "ix_messages_speaker",
    messages.c.speaker,
    sqlite_where=messages.c.speaker != "",
    postgresql_where=messages.c.speaker != "",
)
Index("ix_messages_conversation_turn", messages.c.conversation_id, messages.c.turn, messages.c.id)

_SHOWS = messages.c.media != "[]"
Index("ix_messages_media", messages.c.id, sqlite_where=_SHOWS, postgresql_where=_SHOWS)

_RATED = messages.c.rating != 0
Index("ix_messages_rating", messages.c.chain, messages.c.revision, sqlite_where=_RATED, postgresql_where=_RATED)

# What each person thinks of an answer, by its message: 1 good, -1 bad. Whoever takes it back has no row.
ratings = Table(
    "ratings",
    metadata,
    Column("message_id", BIG, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("person", Text, primary_key=True),
    Column("rating", SmallInteger, nullable=False),
    Column("note", Text, nullable=False, default="", server_default=""),
    Column("at", Double, nullable=False),
)
Index("ix_ratings_person", ratings.c.person)

# What answers took, added up as they are given, so that budgets need not count messages; `day` is the number of
# days since 1970 on the clock of the machine that answered.
spending = Table(
    "spending",
    metadata,
    Column("person", Text, primary_key=True),
    Column("day", Integer, primary_key=True),
    Column("chain", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("answers", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost", BigInteger, nullable=False),
    Column("estimated", BigInteger, nullable=False, default=0, server_default="0"),
)
Index("ix_spending_day", spending.c.day)

# How many answers took how long, and what failed or came twice: a row for each day, thing counted and step of time,
# however many messages there are. Nothing of a person.
daily_counts = Table(
    "daily_counts",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),
    # answered, failed, undelivered or duplicate.
    Column("measure", Text, primary_key=True),
    # What it is counted for: the day as a whole, a model, its table, a chain or a channel.
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    # The step of time that answers took; 0 of what is only counted.
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("count", BigInteger, nullable=False),
)

chain_revisions = Table(
    "chain_revisions",
    metadata,
    Column("chain", Text, primary_key=True),
    Column("revision", Text, primary_key=True),
    Column("content", Text, nullable=False),
    Column("author", Text, nullable=False, default=""),
    Column("note", Text, nullable=False, default=""),
    Column("made_at", Double, nullable=False),
)

chain_releases = Table(
    "chain_releases",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("chain", Text, nullable=False),
    # Empty for a chain that was taken away.
    Column("revision", Text, nullable=False),
    Column("share", Integer, nullable=False),
    Column("users", Text, nullable=False, default="[]"),
    Column("author", Text, nullable=False, default=""),
    Column("note", Text, nullable=False, default=""),
    Column("at", Double, nullable=False),
    sqlite_autoincrement=True,
)
Index("ix_chain_releases_chain_id", chain_releases.c.chain, chain_releases.c.id)

# What each process of the service says of the chains it answers with, for those who publish.
chain_states = Table(
    "chain_states",
    metadata,
    Column("machine", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", Double, nullable=False),
)

# Who exported and who deleted: never what was said.
audit = Table(
    "audit",
    metadata,
    Column("id", BIG, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("who", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("details", Text, nullable=False, default="{}"),
    Column("conversations", Integer, nullable=False, default=0),
    Column("messages", Integer, nullable=False, default=0),
    sqlite_autoincrement=True,
)

# What has been brought over from the predecessor's database, so that twice is once.
legacy_imports = Table(
    "legacy_imports",
    metadata,
    Column("key", Text, primary_key=True),
    Column("at", Double, nullable=False),
)

# The documents in the media folder that were made for somebody.
exported_files = Table(
    "exported_files",
    metadata,
    Column("person", Text, primary_key=True),
    Column("sha256", Text, primary_key=True),
    Column("at", Double, nullable=False),
    # The digest of what it was made of, empty where it shall be made anew; and its place among those made of it.
    Column("content", Text, nullable=False, default="", server_default=""),
    Column("place", Integer, nullable=False, default=0, server_default="0"),
    Column("mime", Text, nullable=False, default="", server_default=""),
    Column("name", Text, nullable=False, default="", server_default=""),
    Column("size", BigInteger, nullable=False, default=0, server_default="0"),
)

# Files to be removed once nothing else refers to them: a transaction cannot remove a file.
doomed_files = Table(
    "doomed_files",
    metadata,
    Column("sha256", Text, primary_key=True),
)

# The key of each month, under which what people spent who were forgotten in it is kept until the month is over.
forgotten_keys = Table(
    "forgotten_keys",
    metadata,
    Column("month", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
)

# When the latest event was sent whose key has been removed from the inbox: one row, with the id 1. What was sent
# before is not answered, however long keys are kept by now.
removed_keys = Table(
    "removed_keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sent_at", Double, nullable=False),
)

# Of the index of what was said, which is each database's own (`exchange_terms`), in one row.
search_index = Table(
    "search_index",
    metadata,
    # How often something was deleted that SQLite's index still holds.
    Column("unclean", BigInteger, nullable=False),
)
