"""`python -m tests.fakes.wecom`: a pretend WeCom in a process of its own; prints its base URL, then its bots' one."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from adapters.simulator.callback_sender import RetryPolicy
from adapters.simulator.platform.apps import ApiLimits, App
from pipeline.errors import SettingsInvalid
from tests.fakes.wecom.control import ControlledSimulator

_APPS = TypeAdapter(list[App])


def main() -> None:
    """Read the command line and serve until told to stop."""
    options = _options().parse_args()
    try:
        apps = _APPS.validate_json(options.apps.read_bytes()) if options.apps else []
    except (OSError, ValidationError) as error:
        sys.exit(f"--apps {options.apps}: {error}")
    limits = ApiLimits(per_minute=options.per_minute, per_hour=options.per_hour, kept_messages=options.kept)
    simulator = ControlledSimulator(
        apps, limits=limits, retry_policy=RetryPolicy(retry_pause=options.retry_pause), seed=options.seed
    )
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(simulator, options.host, options.port))
    except (SettingsInvalid, OSError) as error:
        sys.exit(str(error))


async def _serve(simulator: ControlledSimulator, host: str, port: int) -> None:
    stop_asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop_asked.set)
    try:
        url = await simulator.start(host, port)
        sys.stdout.write(f"{url}\n{simulator.bot_url}\n")
        sys.stdout.flush()
        await stop_asked.wait()
    finally:
        await simulator.aclose()


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.wecom", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address; any other is refused")
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    parser.add_argument("--apps", type=Path, help="a JSON list of apps; more can be added by POST /simulator/apps")
    defaults = ApiLimits()
    parser.add_argument("--per-minute", type=int, default=defaults.per_minute, help="messages one member gets; 0: any")
    parser.add_argument("--per-hour", type=int, default=defaults.per_hour, help="the same for an hour; 0: any")
    parser.add_argument("--kept", type=int, default=defaults.kept_messages, help="messages each phone keeps")
    parser.add_argument("--retry-pause", type=float, default=RetryPolicy().retry_pause, help="seconds between tries")
    parser.add_argument("--seed", type=int, help="makes faults by chance repeatable")
    return parser


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    try:
        import uvloop  # noqa: PLC0415 - not there on Windows
    except ImportError:
        return None
    return uvloop.Loop


if __name__ == "__main__":
    main()
