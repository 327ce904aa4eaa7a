"""What is said of accounts that cannot be made or changed as asked."""

from collections.abc import Iterator
from contextlib import contextmanager

from litestar.exceptions import HTTPException

from web.operator.accounts import AccountConflict, AccountRefused, AccountUnknown


@contextmanager
def account_problems() -> Iterator[None]:
    """Raise what is refused inside as an answer; see `account_problem`."""
    try:
        yield
    except AccountRefused as error:
        raise account_problem(error) from None


def account_problem(error: AccountRefused) -> HTTPException:
    """Return an error of accounts as an answer: 404 for one that is not there, 409 for a conflict, else 422."""
    status = 404 if isinstance(error, AccountUnknown) else 409 if isinstance(error, AccountConflict) else 422
    return HTTPException(status_code=status, detail=error.args[0])
