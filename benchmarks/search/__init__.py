"""Searches of the same space by Holdout, Optuna, scikit-learn and H2O, on the same rows."""
