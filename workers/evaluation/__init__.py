"""What a model's predictions are worth: metrics, intervals, baselines, comparisons."""
