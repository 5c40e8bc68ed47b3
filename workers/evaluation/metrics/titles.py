"""Names of metrics and methods as people write them."""

ACRONYMS = frozenset(("auroc", "cnn", "ece", "mae", "mcc", "mlp", "mse", "nll", "r2", "rmse", "sgd", "smote"))


def in_words(name: str) -> str:
    """`balanced accuracy`, `RMSE`."""
    return " ".join(each.upper() if each in ACRONYMS else each for each in name.split("_"))


def heading(name: str) -> str:
    """The same with a capital first letter."""
    words = in_words(name)
    return words[:1].upper() + words[1:]
