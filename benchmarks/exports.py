"""What exports cost: seconds, CPU and memory of all their processes, beside what the issue that asked for them wants.

Run as `python -m benchmarks.exports [SCALE]`; a SCALE of 0.1 makes everything ten times smaller.
"""

import asyncio
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.tables import Row, at_most, seen, table
from storage.database.access import ensure_schema

ANSWER = """结论：**可以**，但要先确认库存。

1. 先查 `stock` 表，再按仓库汇总；
2. 不足的部分向供应商下单，通常三个工作日到货。

| 仓库 | 库存 | 在途 |
|---|--:|--:|
| 上海 | 1,204 | 300 |
| 成都 | 87 | 0 |

```python
def missing(need: int, stock: int) -> int:
    return max(0, need - stock)  # 缺多少补多少
```

> 以上按昨天的数据计算，详见 [报表](https://example.com/report)。
"""
QUESTION = "这批货下周能发吗？客户那边催得比较急，麻烦看一下库存。"


@dataclass(frozen=True, slots=True)
class Case:
    """An export to be measured: `talks` conversations of `exchanges` exchanges each, as `format`."""

    name: str
    talks: int
    exchanges: int
    format: str
    out: str
    seconds: float = 0.0
    megabytes: float = 0.0
    """What it is held to; 0 for nothing."""


FEW = Case("jsonl of 10,000 messages", 250, 20, "jsonl", "out")
MANY = Case("jsonl of 1,000,000 messages", 25_000, 20, "jsonl", "out", seconds=60)
CASES = (
    Case("pdf of 200 messages", 1, 100, "pdf", "out", seconds=2),
    Case("pdf of 20,000 messages", 1, 10_000, "pdf", "out", seconds=60, megabytes=500),
    Case("md zip of 1,000 conversations of 40", 1000, 20, "md", "out.zip", seconds=20),
    FEW,
    MANY,
)


async def main() -> None:
    """Print a table: each case's seconds, CPU and memory."""
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    rows: list[Row] = []
    peaks: dict[Case, float] = {}
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            await fill(Path(folder), case, scale)
            seconds, worked, peaks[case], size = await measure(Path(folder), case)
        rows.append(at_most(case.name, seconds, case.seconds, "s") if case.seconds else seen(case.name, seconds, "s"))
        rows.append(seen("  CPU", worked, "s"))
        peak = peaks[case]
        rows.append(at_most("  memory", peak, case.megabytes, "MB") if case.megabytes else seen("  memory", peak, "MB"))
        rows.append(seen("  made", size / 1e6, "MB"))
    rows.append(at_most("jsonl: memory of many above that of few", peaks[MANY] - peaks[FEW], 20, "MB"))
    table("webot export, all processes together", rows)


async def fill(folder: Path, case: Case, scale: float) -> None:
    """Write the conversations straight into a database of our schema."""
    await ensure_schema(f"sqlite:///{folder}/webot.db")
    talks = max(1, int(case.talks * scale)) if case.talks > 1 else 1
    exchanges = max(1, int(case.exchanges * scale)) if case.talks == 1 else case.exchanges
    await asyncio.to_thread(_insert, folder, talks, exchanges)


def _insert(folder: Path, talks: int, exchanges: int) -> None:
    with sqlite3.connect(f"{folder}/webot.db") as database:
        database.executemany(
            'INSERT INTO people (person, channel, "user", persona, conversations) VALUES (?, ?, ?, ?, ?)',
            [(f"wecom/u{n}", "wecom", f"u{n}", "", 1) for n in range(talks)],
        )
        database.executemany(
            "INSERT INTO conversations (id, person, number, title, persona, turns, started_at, last_at) "
            "VALUES (?, ?, 1, ?, '', ?, 1795348800, 1795359600)",
            [(n + 1, f"wecom/u{n}", QUESTION[:20], exchanges) for n in range(talks)],
        )
        database.executemany(
            "INSERT INTO messages (conversation_id, turn, role, content, media, created_at, trace, chain, revision, "
            "model, input_tokens, output_tokens, milliseconds) VALUES (?, ?, ?, ?, '[]', ?, 1, ?, ?, ?, 1, 1, 1)",
            _messages(talks, exchanges),
        )
    database.close()


def _messages(talks: int, exchanges: int) -> Iterator[tuple[object, ...]]:
    for talk in range(1, talks + 1):
        for turn in range(1, exchanges + 1):
            at = 1795348800.0 + turn
            yield talk, turn, "human", f"{turn}. {QUESTION}", at, "", "", ""
            yield talk, turn, "ai", f"第 {turn} 次：{ANSWER}", at, "default", "r1", "deepseek-chat"


async def measure(folder: Path, case: Case) -> tuple[float, float, float, int]:
    """Run `webot export` as an operator does; give seconds, CPU seconds, the peak in MB, and bytes made.

    CPU and memory are of all its processes, what they share counted once. Counting memory takes half a core, so what is
    timed is another run.
    """
    begun, before = time.perf_counter(), _worked()
    await (await _start(folder, case, f"timed-{case.out}")).wait()
    seconds, worked = time.perf_counter() - begun, _worked() - before
    running = await _start(folder, case, case.out)
    peak = 0
    ended = asyncio.create_task(running.wait())
    while not ended.done():
        peak = max(peak, _resident(running.pid))
        await asyncio.wait({ended}, timeout=0.05)
    if running.returncode:
        raise RuntimeError(f"{case.name}: exit code {running.returncode}")
    made = folder / case.out
    size = made.stat().st_size if made.is_file() else sum(file.stat().st_size for file in made.rglob("*.*"))
    return seconds, worked, peak / 1e6, size


async def _start(folder: Path, case: Case, out: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "import sys; from web.cli import main; sys.exit(main())"),
        *("export", "--format", case.format, "--out", out),
        cwd=folder,
        env={
            "WEBOT_STORAGE__DATABASE_URL": f"sqlite:///{folder}/webot.db",
            "PYTHONPATH": str(Path(__file__).parents[1]),
        },
    )


def _worked() -> float:
    """Give the CPU seconds of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _resident(pid: int) -> int:
    try:
        process = psutil.Process(pid)
        return sum(each.memory_full_info().pss for each in (process, *process.children(recursive=True)))
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


if __name__ == "__main__":
    asyncio.run(main())
