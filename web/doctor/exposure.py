"""Who can reach what is for the operator alone: the console, from here and from outside, and the secrets' file."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import httpx2

from adapters.network_errors import is_local, open_probe_client
from pipeline.findings import Finding, FindingFactory
from pipeline.net import cause_sentence
from pipeline.settings import Settings
from web.retry_messages import RETRY
from web.security.access import Access
from web.security.headers import SAFETY
from web.settings.addresses import Address
from web.settings.places import FILES

_READABLE, _WRITABLE = 0o004, 0o002
_SECRETS = FILES[-1]


def examine_console(
    console: Address, settings: Settings, access: Access, finding_factory: FindingFactory, *, real: bool
) -> Finding:
    """Return where the console is and whom it answers."""
    url = console.url or f"{console.host}:0"
    if access.hash_for(settings):
        return finding_factory.ok("console", "console_password", url=url)
    if settings.console.generate_password:
        return finding_factory.ok("console", "console_will_ask", url=url)
    return finding_factory.ok("console", "console_signs_in" if real else "console_local", url=url)


async def examine_exposure(
    settings: Settings, finding_factory: FindingFactory, seconds: float
) -> AsyncIterator[Finding]:
    """Ask from outside for what nobody there should get; without a public address nothing is asked."""
    public = settings.server.public_url.rstrip("/")
    if not public:
        return
    proxy = "" if is_local(public) else settings.network.proxy.get_secret_value()
    given: list[str] = []
    reached: list[str] = []
    try:
        async with await open_probe_client(proxy=proxy, seconds=seconds) as client:
            for path in ("/console", "/metrics", RETRY):
                answer = await client.get(public + path, follow_redirects=True)
                if _is_ours(answer):
                    (given if answer.is_success else reached).append(path)
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
        yield finding_factory.skipped("exposed", "exposed_unknown", url=public, error=cause_sentence(error))
        return
    if settings.server.metrics and given == ["/metrics"]:
        yield finding_factory.warning("exposed", "exposed_metrics", "exposed_metrics_fix", url=public)
    elif given:
        paths = finding_factory.text("comma").join(given)
        yield finding_factory.failed("exposed", "exposed_given", "exposed_fix", url=public, paths=paths)
    elif reached and not settings.console.remote:
        paths = finding_factory.text("comma").join(reached)
        yield finding_factory.warning("exposed", "exposed_reached", "exposed_fix", url=public, paths=paths)
    elif reached:
        yield finding_factory.ok("exposed", "exposed_password", url=public)
    else:
        yield finding_factory.ok("exposed", "exposed_none", url=public)


def examine_rights(folder: Path, finding_factory: FindingFactory) -> list[Finding]:
    """Check what other users of this machine may do with the settings' files; reads the disk."""
    findings = []
    for name in FILES:
        try:
            mode = (folder / name).stat().st_mode
        except OSError:
            continue
        if mode & _WRITABLE:
            findings.append(finding_factory.failed("rights", "rights_writable", "rights_fix", file=folder / name))
        elif name == _SECRETS and mode & _READABLE:
            findings.append(finding_factory.warning("rights", "rights_readable", "rights_fix", file=folder / name))
    return findings


def _is_ours(answer: httpx2.Response) -> bool:
    """Whether webot itself has answered: another program may well have pages of these names."""
    if answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        # The route is there, for POST; a proxy's own answer would be 404.
        return answer.url.path.endswith(RETRY) and "POST" in answer.headers.get("allow", "")
    if answer.is_success and "webot" in answer.text:
        return True
    return answer.headers.get("content-security-policy") == SAFETY["Content-Security-Policy"]
