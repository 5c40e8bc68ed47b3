"""Preprocessing of tables, as part of a model: imputation, encoding of categories, then scaling."""

from workers.data.preprocessing.encoder import Encoder
from workers.data.preprocessing.preprocessing import Preprocessing, needs_encoding

__all__ = ["Encoder", "Preprocessing", "needs_encoding"]
