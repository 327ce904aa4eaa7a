"""Bodies that no JSON reader can read, or that say something else than is asked for: refused with 400, never 500."""

from pathlib import Path

from structlog.testing import capture_logs

from tests.service import running_service

ROUTES = ("/operations/turns/retry", "/console/api/do", "/console/api/simulate", "/console/api/faults")
BODIES = {
    "nothing": b"",
    "half an object": b'{"database": "x"',
    "bytes that are no UTF-8": b'{"database": "\xff", "ids": null}',
    "UTF-16": '{"database": "x"}'.encode("utf-16"),
    "a list in 50,000 lists": b"[" * 50_000,
    "an object in 50,000 objects": b'{"a":' * 50_000,
    "half of a surrogate pair": b'{"database": "\\ud800", "ids": null}',
    "a number of 5,000 digits": b'{"database": "x", "ids": [' + b"9" * 5000 + b"]}",
    "a number beyond all": b'{"database": "x", "ids": [1e999]}',
    "no number": b'{"database": "x", "ids": [NaN]}',
    "another type": b'{"database": 1, "ids": {}}',
    "no object": b'"x"',
}


async def test_a_body_that_cannot_be_read_is_refused_by_every_route(tmp_path: Path) -> None:
    async with running_service(tmp_path) as running:
        headers = {"Authorization": f"Bearer {running.service.access.token}", "Content-Type": "application/json"}
        with capture_logs() as logs:
            statuses = {
                (route, name): (await running.http.post(route, content=body, headers=headers)).status_code
                for route in ROUTES
                for name, body in BODIES.items()
            }

    assert {} == {which: status for which, status in statuses.items() if status != 400}
    assert [] == [line for line in logs if line["event"] == "request_broke"]
