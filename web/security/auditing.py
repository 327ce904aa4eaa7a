"""Writes what users of the console and the API do into the audit, under the name they signed in with."""

from collections.abc import Mapping
from typing import Any

from litestar import Request

from storage.accounts.tokens import maker_name
from storage.conversations.audit import is_recorded, record
from storage.conversations.audit_actions import Action
from storage.database.engine import Database
from storage.jobs.job_store import StoredJob
from web.security.roles import signed_in

_Request = Request[Any, Any, Any]

_ONE_LOOK = 3600.0
"""Seconds."""


def name_of(request: _Request) -> str:
    """Return the name that the audit gives the user of a request."""
    user = signed_in(request)
    return maker_name(user.name) if user and user.name else "console"


async def audit(
    database: Database,
    request: _Request,
    action: Action,
    details: Mapping[str, Any],
    *,
    conversations: int = 0,
    messages: int = 0,
) -> None:
    """Record what the user of a request does."""
    await record(database, action, name_of(request), details, conversations=conversations, messages=messages)


async def audit_replay_look(database: Database, request: _Request, job: StoredJob) -> None:
    """Record that people's questions are read in a replay; who began it is in the audit for that already.

    A page without a script shows itself anew every few seconds while the replay runs: one look an hour.
    """
    who, details = name_of(request), {"chain": job.subject, "read": job.id}
    if job.kind != "chain_replay" or job.by == who:
        return
    if job.state == "running" and await is_recorded(database, "chain_replay", who, details, seconds=_ONE_LOOK):
        return
    await audit(database, request, "chain_replay", details, messages=job.done)
