"""Many rows as one parameter: JSON that the database takes apart, so that a write is one step whatever its size.

SQLite's driver lets go of the interpreter and takes it back at every step, and a statement for each row, or each row
that comes back, is a step: under load every one of them waits until the event loop lets go. PostgreSQL takes all the
writes of a transaction in one statement, so that they cost one round trip.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    JSON,
    Connection,
    Insert,
    Select,
    Subquery,
    Table,
    Text,
    Update,
    bindparam,
    cast,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import ColumnDefault
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

Rows = Sequence[Mapping[str, object]]


def rows_parameter(table: Table, *names: str, rows: str = "rows") -> Subquery:
    """Read some of a table's columns from the parameter `rows`, a list of mappings of their names to values."""
    columns = [table.c[name] for name in names]
    each = _Elements(bindparam(rows, type_=JSON), *columns).table_valued("value", *names)
    fields = (
        cast(_Field(each.c.value, each.c[column.name], literal(column.name)), column.type).label(column.name)
        for column in columns
    )
    return select(*fields).subquery(f"given_{rows}")


def insert_rows(table: Table, *names: str, rows: str = "rows") -> Insert:
    """Insert the given rows; columns that are not named have their defaults."""
    others = {
        column.name: literal(column.default.arg, column.type)
        for column in table.c
        if column.name not in names and isinstance(column.default, ColumnDefault) and column.default.is_scalar
    }
    given = rows_parameter(table, *names, rows=rows)
    return insert(table).from_select(
        [*names, *others],
        select(*given.c, *(value.label(name) for name, value in others.items())),
        include_defaults=False,
    )


def update_rows(table: Table, by: tuple[str, ...], *names: str, rows: str = "rows") -> Update:
    """Overwrite columns of the rows that the columns of `by` name."""
    given = rows_parameter(table, *by, *names, rows=rows)
    return (
        update(table)
        .where(*(table.c[name] == given.c[name] for name in by))
        .values({name: given.c[name] for name in names})
    )


Write = Insert | Update


class BulkWrites:
    """Statements that each take a list of rows, by the name of their parameter, and are executed together.

    None of them may change a row that another changes or sees: PostgreSQL shows all of them the same rows.
    """

    def __init__(self, statements: Mapping[str, Write]) -> None:
        self._statements = statements
        self._together = cache(self._build)

    def execute(self, connection: Connection, rows: Mapping[str, Rows], *, shared: bool) -> None:
        """Execute those of the statements that have rows; `shared` is whether the database is PostgreSQL."""
        wanted = tuple(name for name in self._statements if rows.get(name))
        if shared and len(wanted) > 1:
            connection.execute(self._together(wanted), {name: rows[name] for name in wanted})
            return
        for name in wanted:
            connection.execute(self._statements[name], {name: rows[name]})

    def _build(self, names: tuple[str, ...]) -> Select[Any]:
        return select(literal(1)).add_cte(*(self._statements[name].cte(f"write_{name}") for name in names))


class _Json(FunctionElement[Any]):
    """A function that each database has under a name of its own, around the same clauses."""

    inherit_cache = True
    spelled: Mapping[str, str]


class JsonRows(_Json):
    """All the rows found as one value: a list of lists, or nothing where none was found."""

    inherit_cache = True
    type = JSON()
    spelled = {"sqlite": "json_group_array(json_array({}))", "postgresql": "json_agg(json_build_array({}))"}  # noqa: RUF012 -- never changed


class _Elements(FunctionElement[Any]):
    """A table of the elements of a JSON array: in SQLite with a column `value`, in PostgreSQL with their fields.

    The first clause is the array, the others are the columns that the fields are for.
    """

    inherit_cache = True


class _Field(FunctionElement[Any]):
    """A field of a JSON object: of the `value` in SQLite, a column in PostgreSQL; the third clause is its name."""

    inherit_cache = True
    type = Text()


@compiles(_Json)
def _spelled(function: _Json, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401 -- the library's own
    return function.spelled[compiler.dialect.name].format(compiler.process(function.clauses, **how))


@compiles(_Elements, "sqlite")
def _elements_in_sqlite(elements: _Elements, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    array, *_ = elements.clauses
    return f"json_each({compiler.process(array, **how)})"


@compiles(_Elements, "postgresql")
def _elements_in_postgresql(elements: _Elements, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    array, *columns = elements.clauses
    # Each row is parsed once; `->>` would parse it for each of its fields.
    types = (
        f"{_quoted(compiler, column)} {compiler.dialect.type_compiler_instance.process(column.type)}"
        for column in columns
    )
    return f"ROWS FROM (json_to_recordset({compiler.process(array, **how)}) AS ({', '.join(types)}))"


def _quoted(compiler: SQLCompiler, column: Any) -> str:  # noqa: ANN401
    return str(compiler.preparer.quote(column.name))


@compiles(_Field, "sqlite")
def _field_in_sqlite(field: _Field, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    value, _, name = field.clauses
    return f"json_extract({compiler.process(value, **how)}, '$.{name.value}')"


@compiles(_Field, "postgresql")
def _field_in_postgresql(field: _Field, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    _, column, _ = field.clauses
    return compiler.process(column, **how)
