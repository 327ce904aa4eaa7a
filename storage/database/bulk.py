"""Many rows as one parameter: JSON that the database takes apart, so that a write is one step whatever its size.

SQLite's driver lets go of the interpreter and takes it back at every step, and a statement for each row, or each row
that comes back, is a step: under load every one of them waits until the event loop lets go.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, Insert, Subquery, Table, Text, Update, bindparam, cast, insert, literal, select, update
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


def rows_parameter(table: Table, *names: str) -> Subquery:
    """Read some of a table's columns from the parameter `rows`, a list of mappings of their names to values."""
    each = _Elements(bindparam("rows", type_=JSON)).table_valued("value")
    fields = (cast(_Field(each.c.value, literal(name)), table.c[name].type).label(name) for name in names)
    return select(*fields).subquery("given")


def insert_rows(table: Table, *names: str) -> Insert:
    """Insert the given rows."""
    return insert(table).from_select(names, select(rows_parameter(table, *names)))


def update_rows(table: Table, by: tuple[str, ...], *names: str) -> Update:
    """Overwrite columns of the rows that the columns of `by` name."""
    rows = rows_parameter(table, *by, *names)
    return (
        update(table)
        .where(*(table.c[name] == rows.c[name] for name in by))
        .values({name: rows.c[name] for name in names})
    )


class _Json(FunctionElement[Any]):
    """A function that each database has under a name of its own, around the same clauses."""

    inherit_cache = True
    spelled: Mapping[str, str]


class JsonRows(_Json):
    """All the rows found as one value: a list of lists, or nothing where none was found."""

    inherit_cache = True
    type = JSON()
    spelled = {"sqlite": "json_group_array(json_array({}))", "postgresql": "json_agg(json_build_array({}))"}  # noqa: RUF012 -- never changed


class _Elements(_Json):
    """A table of the elements of a JSON array, in the column `value`."""

    inherit_cache = True
    spelled = {"sqlite": "json_each({})", "postgresql": "json_array_elements({})"}  # noqa: RUF012 -- as above


class _Field(FunctionElement[Any]):
    """A field of a JSON object; text, or with SQLite a number too."""

    inherit_cache = True
    type = Text()


@compiles(_Json)
def _spelled(function: _Json, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401 -- the library's own
    return function.spelled[compiler.dialect.name].format(compiler.process(function.clauses, **how))


@compiles(_Field, "sqlite")
def _field_in_sqlite(field: _Field, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    value, name = field.clauses
    return f"json_extract({compiler.process(value, **how)}, '$.{name.value}')"


@compiles(_Field, "postgresql")
def _field_in_postgresql(field: _Field, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401
    value, name = field.clauses
    return f"{compiler.process(value, **how)} ->> '{name.value}'"
