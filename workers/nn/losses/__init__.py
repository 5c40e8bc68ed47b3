"""Every loss that a spec can name. Add a new one to the file of its family, and to the union at that file's end."""

from typing import Annotated

from workers.nn.losses.entropy import CrossEntropy, EntropyLoss, Focal, GeneralizedCrossEntropy
from workers.nn.losses.frequency import LDAM, BalancedSoftmax, FrequencyLoss, LogitAdjustment
from workers.nn.losses.loss import Loss, LossFunction, Task, ValueAndGrad
from workers.nn.losses.regression import L1, L2, BalancedMSE, Barron, Huber, Quantile, RegressionLoss
from workers.tagged_union import ByName

AnyLoss = Annotated[RegressionLoss | EntropyLoss | FrequencyLoss, ByName()]

__all__ = [
    "L1",
    "L2",
    "LDAM",
    "AnyLoss",
    "BalancedMSE",
    "BalancedSoftmax",
    "Barron",
    "CrossEntropy",
    "Focal",
    "GeneralizedCrossEntropy",
    "Huber",
    "LogitAdjustment",
    "Loss",
    "LossFunction",
    "Quantile",
    "Task",
    "ValueAndGrad",
]
