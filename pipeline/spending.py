"""What answers took so far; money in millionths of the currency of the settings, days and months this machine's."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """Answers added up."""

    answers: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    estimated: int = 0
    """How many of the tokens are estimated, because the provider did not count them."""

    def __add__(self, other: "UsageTotals") -> "UsageTotals":
        return UsageTotals(
            self.answers + other.answers,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cost + other.cost,
            self.estimated + other.estimated,
        )


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What one model took for a person; `month` has today in it."""

    model: str
    today: UsageTotals
    month: UsageTotals


@dataclass(frozen=True, slots=True)
class SpentTotals:
    """What was paid; `month` has today in it."""

    today: int = 0
    month: int = 0
