"""Prints what was measured: a table, what it should reach beside what it reached."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A figure with the bound it is held to; an empty bound is only looked at."""

    what: str
    figure: str
    bound: str = ""
    holds: bool = True


def table(title: str, rows: Sequence[Row]) -> None:
    """Print rows in columns."""
    wide = max(len(row.what) for row in rows)
    figures = max(len(row.figure) for row in rows)
    print(f"\n{title}\n{'-' * len(title)}")
    for row in rows:
        verdict = "" if not row.bound else f"   {'ok    ' if row.holds else 'MISSED'} {row.bound}"
        print(f"{row.what:<{wide}}   {row.figure:>{figures}}{verdict}")


def at_most(what: str, value: float, bound: float, unit: str, *, digits: int = 1) -> Row:
    """Make a row of a value that should not be above its bound."""
    return Row(what, f"{value:,.{digits}f} {unit}", f"(at most {bound:g} {unit})", holds=value <= bound)


def at_least(what: str, value: float, bound: float, unit: str, *, digits: int = 0) -> Row:
    """Make a row of a value that should not be below its bound."""
    return Row(what, f"{value:,.{digits}f} {unit}", f"(at least {bound:g} {unit})", holds=value >= bound)


def seen(what: str, value: float, unit: str, *, digits: int = 1) -> Row:
    """Make a row of a value that is only looked at."""
    return Row(what, f"{value:,.{digits}f} {unit}")


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which so many in a hundred are."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))]
