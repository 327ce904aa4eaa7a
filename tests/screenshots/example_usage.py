"""A month of usage for the charts: the same each time, more on working days than at weekends."""

from collections.abc import Iterator
from datetime import date, timedelta
from math import sin

from sqlalchemy import insert

from storage.database.engine import Database
from storage.database.tables import spending
from storage.usage.batch import number_of

_DAYS = 30
_PEOPLE = ("zhangsan", "lisi", "wangwu", "zhaoliu", "sunqi", "zhouba", "wujiu", "zhengshi")
_CHAINS = ("default", "translator", "code", "summarizer")
_MODELS = {"deepseek-chat": (2, 8), "qwen-plus": (1, 2)}
"""Millionths for a token in and a token out."""
_SATURDAY = 5


async def add_usage(database: Database, today: date) -> None:
    """Add what was used in the days before today."""
    async with database.write() as connection:
        await connection.execute(insert(spending), list(_rows(today)))


def _rows(today: date) -> Iterator[dict[str, object]]:
    for back in range(1, _DAYS):
        day = today - timedelta(days=back)
        busy = (0.25 if day.weekday() >= _SATURDAY else 1.0) * (1.2 + 0.3 * sin(back * 1.7)) * (1.4 - back / 60)
        for place, user in enumerate(_PEOPLE):
            model = tuple(_MODELS)[(place + back) % 3 == 0]
            price_in, price_out = _MODELS[model]
            answers = round(busy * (22 - 2 * place))
            taken, given = answers * (820 + 40 * place), answers * (260 + 25 * (back % 4))
            yield {
                "person": f"wecom/{user}",
                "day": number_of(day),
                "chain": _CHAINS[(place + back) % len(_CHAINS)],
                "model": model,
                "answers": answers,
                "input_tokens": taken,
                "output_tokens": given,
                "cost": taken * price_in + given * price_out,
            }
