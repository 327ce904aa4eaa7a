"""The tables of the console and the API: users, sessions, tokens, the long work that users begin, their judgements."""

from sqlalchemy import JSON, BigInteger, Column, Double, Index, Integer, Table, Text

from storage.database.tables import BIG, metadata

# Who may use the console; the password's hash is argon2id's.
console_users = Table(
    "console_users",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", Double, nullable=False),
)

# Who is signed in; `digest` is of the secret in the browser's cookie, `credential` of the password of the settings
# where that was given, and empty where a user of the table above signed in.
console_sessions = Table(
    "console_sessions",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("credential", Text, nullable=False, default=""),
    Column("expires_at", Double, nullable=False),
)
Index("ix_console_sessions_name", console_sessions.c.name)
Index("ix_console_sessions_expires_at", console_sessions.c.expires_at)

# What programs show to use the API.
api_tokens = Table(
    "api_tokens",
    metadata,
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("role", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
)

# Long work that users have begun: exports, tests of chains, replays. `owner` is the process that works on one.
jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("ordered", JSON, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("deletion", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("done", Integer, nullable=False, default=0),
    Column("total", Integer, nullable=False, default=0),
    Column("result", JSON, nullable=False),
    Column("why", Text, nullable=False, default=""),
    Column("owner", Text, nullable=False, default=""),
    Column("lease_until", Double, nullable=False, default=0.0),
    Column("attempts", Integer, nullable=False, default=0),
)
Index("ix_jobs_state", jobs.c.state)

# What came on the way, for those who follow a job or open it later.
job_events = Table(
    "job_events",
    metadata,
    Column("number", BIG, primary_key=True, autoincrement=True),
    Column("job", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("data", Text, nullable=False),
    # One who follows names the last number it has seen, which is never another's later.
    sqlite_autoincrement=True,
)
Index("ix_job_events_job", job_events.c.job, job_events.c.number)

# What users think of a draft's answer beside the live one, for as long as the two revisions are compared.
replay_judgements = Table(
    "replay_judgements",
    metadata,
    Column("chain", Text, primary_key=True),
    Column("live", Text, primary_key=True),
    Column("draft", Text, primary_key=True),
    Column("trace", BigInteger, primary_key=True, autoincrement=False),
    Column("by", Text, primary_key=True),
    Column("verdict", Text, nullable=False),
    Column("at", Double, nullable=False),
)
