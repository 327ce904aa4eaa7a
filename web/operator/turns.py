"""What `webot turns` does: reads the database beside the service, and has turns run again by whoever may write."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from http import HTTPStatus

import httpx2
from pydantic import TypeAdapter

from pipeline.errors import AlreadyRunning, WebotError
from pipeline.net import cause_sentence
from pipeline.settings import Settings
from pipeline.text.i18n import Sentence
from storage.conversations.audit import operator, record
from storage.database.access import NoDatabase, identity, open_for_cli
from storage.database.engine import Database
from storage.monitoring.views import TurnDetail, TurnView, Which, find_turn, oldest_turns
from storage.turns.retries import LedgerRequeuer, Retried, run_again
from web.operator.service_client import open_service_client
from web.retry_messages import RETRY, RetryAsked, RetryResponse
from web.security.access import TokenUnreadable, read_token, token_path
from web.settings.addresses import addresses_of
from web.settings.loading import Loaded

# A service may have thousands to run again, one commit after the other.
_RETRY_SECONDS = 600


class NotRetried(WebotError):
    """A service owns the database and did not do what was asked."""


_RESPONSE = TypeAdapter(RetryResponse)


async def list_turns_of(settings: Settings, which: Which, *, limit: int) -> tuple[Sequence[TurnView], int]:
    """Return the oldest turns that wait or that failed, and how many there are."""
    try:
        async with open_for_cli(_url(settings)) as database:
            return await oldest_turns(database, which, limit=limit)
    except NoDatabase:
        return (), 0


async def find_turn_of(settings: Settings, turn_id: int, *, words: bool) -> TurnDetail | None:
    """Return one turn, None if there is none or no longer; that its `words` are read is in the audit."""
    try:
        async with open_for_cli(_url(settings)) as database:
            found = await find_turn(database, turn_id)
            if found is not None and words:
                details = {"turns": [found.turn.id], "user": found.turn.user}
                await record(database, "read", operator(), details, conversations=0, messages=1)
            return found
    except NoDatabase:
        return None


async def retry_turns(loaded: Loaded, turn_ids: Sequence[int] | None) -> Sequence[Retried]:
    """Run turns again, None for all that failed: through the running service, or here when none is.

    Raises `NotRetried` when a service owns the SQLite file and does not answer.
    """
    async with open_for_cli(_url(loaded.settings)) as database:
        try:
            # PostgreSQL has no owner: the services there hear of it by themselves.
            await asyncio.to_thread(database.own)
        except AlreadyRunning as error:
            found = await _by_the_service(loaded, database, turn_ids, error)
        else:
            found = await run_again(database, LedgerRequeuer(database), turn_ids)
        done = [each.id for each in found if each.runs_again]
        if done:
            await record(database, "retry", operator(), {"turns": done}, conversations=0, messages=len(done))
        return found


async def _by_the_service(
    loaded: Loaded, database: Database, turn_ids: Sequence[int] | None, owned: AlreadyRunning
) -> Sequence[Retried]:
    address = addresses_of(loaded).console
    url = address.url
    if not url:
        raise NotRetried(Sentence("shell.retry_no_port", owned=owned.args[0], table=address.table)) from owned
    ids = None if turn_ids is None else tuple(turn_ids)
    asked = RetryAsked(await asyncio.to_thread(identity, database.url), ids)
    try:
        token = await asyncio.to_thread(read_token, loaded.settings)
    except TokenUnreadable as error:
        raise NotRetried(Sentence("shell.retry_no_token", owned=owned.args[0], why=error.args[0])) from error
    async with await open_service_client(url, seconds=_RETRY_SECONDS, token=token) as client:
        try:
            answer = await client.post(RETRY, json=asdict(asked))
        except httpx2.HTTPError as error:
            raise NotRetried(
                Sentence("shell.retry_no_answer", owned=owned.args[0], url=url, why=cause_sentence(error))
            ) from error
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        raise NotRetried(Sentence("shell.retry_other_service", url=url, file=str(token_path(loaded.settings))))
    if not answer.is_success:
        raise NotRetried(Sentence("shell.retry_refused", url=url, status=answer.status_code, detail=_detail(answer)))
    return _RESPONSE.validate_json(answer.content).retried


def _detail(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, LookupError, TypeError):
        return ""


def _url(settings: Settings) -> str:
    return settings.storage.database_url.get_secret_value()
