"""Operations and what comes of them."""

from typing import get_args

from storage.turns.operations import AnyOperation, Operation


def test_the_ledger_knows_every_operation() -> None:
    # By name: a dataclass with slots leaves the class behind that it was made of.
    assert {kind.__name__ for kind in Operation.__subclasses__()} == {kind.__name__ for kind in get_args(AnyOperation)}
