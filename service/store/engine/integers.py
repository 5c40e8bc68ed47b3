"""The type of integer columns: parameters beside them may be any integer of 64 bits.

PostgreSQL stores these columns in 32 bits, and SQLAlchemy casts each parameter to the type of its column. A number
above 2^31, which no experiment has, would therefore be an error of the database.
"""

from sqlalchemy import BigInteger, Integer, type_coerce
from sqlalchemy.sql.elements import BindParameter, ColumnElement
from sqlalchemy.types import TypeDecorator


class WideParameterInteger(TypeDecorator[int]):
    """A column of 32 bits whose parameters have 64. PostgreSQL still refuses to store a number that is too large."""

    impl = Integer
    cache_ok = True

    def bind_expression(self, bindvalue: BindParameter[int]) -> ColumnElement[int]:
        """A parameter of this type, as it is written in a statement."""
        return type_coerce(bindvalue, BigInteger)
