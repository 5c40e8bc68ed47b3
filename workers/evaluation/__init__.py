"""Evaluates the predictions of a model: metrics, selection of epochs, intervals, baselines, comparisons."""
