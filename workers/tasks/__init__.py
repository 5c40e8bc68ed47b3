"""Tasks: what is predicted. A task decides outputs, losses, metrics, baselines, and what a spec may ask for."""

from workers.tasks.classification import Classification
from workers.tasks.regression import Regression
from workers.tasks.resolution import resolved, task_of
from workers.tasks.task import FittedTask, LearningTask

__all__ = ["Classification", "FittedTask", "LearningTask", "Regression", "resolved", "task_of"]
