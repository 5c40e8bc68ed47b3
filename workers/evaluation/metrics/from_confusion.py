"""Metrics of the confusion matrix C: C_ij counts the rows of class i that are predicted as class j.

A class absent from the rows has no recall and no F1, and no part in a mean.
"""

import math
from operator import mul
from statistics import fmean

from workers.evaluation.confusion import Margins
from workers.evaluation.metrics.metric import metric


@metric(direction="max")
def accuracy(margins: Margins) -> float:
    """sum_k C_kk / N, C_ij rows of class i predicted as j: the share of correct predictions.

    When: if each row matters the same.
    Oracle: sklearn.metrics.accuracy_score.
    """
    return sum(margins.correct) / sum(margins.support)


@metric(direction="max")
def balanced_accuracy(margins: Margins) -> float:
    """Mean recall C_kk / C_k. over the classes present. Oracle: sklearn.metrics.balanced_accuracy_score.

    When: if each class matters the same.
    """
    classes = zip(margins.correct, margins.support, strict=True)
    return fmean([correct / support for correct, support in classes if support])


@metric(direction="max")
def macro_f1(margins: Margins) -> float:
    """Mean F1, 2 C_kk / (C_k. + C_.k), over the classes present.

    Rows predicted as an absent class lower the recall of their own class.

    When: if each class matters the same, and false alarms count as well.
    Oracle: sklearn.metrics.f1_score(y, predicted, labels=numpy.unique(y), average="macro").
    """
    classes = zip(margins.correct, margins.support, margins.predicted, strict=True)
    return fmean([2 * correct / (support + predicted) for correct, support, predicted in classes if support])


@metric(direction="max", lowest=-1.0)
def mcc(margins: Margins) -> float:
    """(N sum_k C_kk - sum_k C_k. C_.k) / sqrt((N^2 - sum_k C_k.^2) (N^2 - sum_k C_.k^2)): Matthews correlation.

    0 if it is undefined: one class only, true or predicted.

    When: for one figure of the whole confusion matrix that frequent classes cannot flatter.
    Source: Gorodkin 2004, Comparing two K-category assignments by a K-category correlation coefficient.
    Oracle: sklearn.metrics.matthews_corrcoef.
    """
    support, predicted = margins.support, margins.predicted
    rows = sum(support)
    covariance = rows * sum(margins.correct) - _dot(support, predicted)
    # Python's integers: the product of the two variances passes 2^63 from 50,000 rows on.
    variances = (rows**2 - _dot(support, support)) * (rows**2 - _dot(predicted, predicted))
    return covariance / math.sqrt(variances) if variances else 0.0


@metric(direction="max", lowest=-1.0)
def cohen_kappa(margins: Margins) -> float:
    """(p_o - p_e) / (1 - p_e): agreement p_o, the accuracy, beyond chance p_e = sum_k C_k. C_.k / N^2.

    0 if it is undefined: one class only, true and predicted.

    When: to compare with the agreement of people.
    Source: Cohen 1960, A coefficient of agreement for nominal scales. Oracle: sklearn.metrics.cohen_kappa_score.
    """
    rows = sum(margins.support)
    by_chance = _dot(margins.support, margins.predicted)
    beyond_chance = rows**2 - by_chance
    return (rows * sum(margins.correct) - by_chance) / beyond_chance if beyond_chance else 0.0


@metric(direction="max")
def g_mean(margins: Margins) -> float:
    """Geometric mean (prod_k C_kk / C_k.)^(1/K) of the recalls of the K classes present; 0 if a class is never hit.

    When: if no class may be missed.
    Source: Kubat & Matwin 1997, Addressing the curse of imbalanced training sets.
    Oracle: scipy.stats.gmean of sklearn.metrics.recall_score(average=None).
    """
    classes = zip(margins.correct, margins.support, strict=True)
    recalls = [correct / support for correct, support in classes if support]
    return math.exp(fmean(list(map(math.log, recalls)))) if all(recalls) else 0.0


def _dot(a: list[int], b: list[int]) -> int:
    return sum(map(mul, a, b))


FROM_CONFUSION = (accuracy, balanced_accuracy, macro_f1, mcc, cohen_kappa, g_mean)
