"""A table of numbers, a boolean and categories, with missing values, for tests."""

import numpy as np

from workers.data.columns import Column
from workers.data.dataset import Dataset

CITIES = tuple(f"city {i}" for i in range(12))
COLUMNS = (
    Column("age"),
    Column("income"),
    Column("married", "boolean", ("no", "yes")),
    Column("city", "category", CITIES),
    Column("since", "date"),
    Column("colour", "category", ("red", "green", "blue", "never seen")),
)


def mixed_table(rows: int = 600, *, seed: int = 0, missing: float = 0.1) -> Dataset:
    """Rows whose class follows from the age, the city and the colour; the last colour occurs nowhere."""
    generator = np.random.default_rng(seed)
    age, income = generator.normal(40, 12, rows), generator.lognormal(3, 1, rows)
    married, colour = generator.integers(2, size=rows), generator.integers(3, size=rows)
    city = np.minimum(generator.geometric(0.3, rows) - 1, len(CITIES) - 1)
    labels = ((age - 40) / 12 + (city % 3) + (colour == 1) + generator.normal(0, 0.3, rows) > 1.5).astype(int)
    columns = [age, income, married, city, generator.integers(10_000, 20_000, rows), colour]
    features = np.column_stack(columns).astype(np.float32)
    features[generator.random(features.shape) < missing] = np.nan
    features[:, 4] = np.where(np.isnan(features[:, 4]), 15_000, features[:, 4])  # the date is always there
    return Dataset("mixed", features, labels.astype(np.int64), ("no", "yes"), columns=COLUMNS)
