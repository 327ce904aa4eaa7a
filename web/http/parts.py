"""The parts of a service without which nobody is answered: `/readyz`, `/metrics` and the status page ask here alike."""

from collections.abc import Awaitable, Callable, Mapping

from web.wiring import Service

Check = Callable[[], Awaitable[str]]
"""Gives what is wrong, in a few words, or nothing."""


def part_checks(service: Service) -> Mapping[str, Check]:
    """Return what says of each part what is wrong with it."""

    async def worker() -> str:
        return service.worker.trouble

    async def loops() -> str:
        return service.loops_trouble

    return {
        "database": service.worker.readiness.trouble,
        "files": service.files.trouble,
        "worker": worker,
        "loops": loops,
    }
