"""Suggests the right name for a wrong one: another spelling, another library's word for it, or the nearest name.

Suggestions only appear in errors: no synonym is ever accepted.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from difflib import get_close_matches

SIMILAR = 0.5
"""The smallest similarity, from 0 to 1, at which one name is suggested for another."""

SYNONYMS = {
    # fields of a spec
    "dataset": "data datasets",
    "split": "splits partition",
    "cross_validation": "cv crossvalidation cross_val kfold k_fold stratified_kfold stratified_k_fold repeated_kfold "
    "repeated_stratified_kfold nested_cv",
    "scaling": "scaler normalization normalisation normalize normalise preprocessing standardization",
    "balancing": "balance sampling sampler resampling resample oversampling undersampling",
    "class_weights": "class_weight weight weights weighting pos_weight",
    "model": "network net architecture arch",
    "loss": "criterion objective loss_function loss_fn val_loss validation_loss",
    "optimizer": "optimiser optim solver",
    "seeds": "seed random_state random_seed random_seeds",
    "replicates": "n_seeds num_seeds n_runs num_runs runs repeats n_repeats repetitions trials",
    "name": "title description kind type",
    "tags": "tag labels",
    # fields of its variants
    "learning_rate": "lr eta step_size learning_rate_init learningrate",
    "weight_decay": "wd decay l2_reg l2_regularization l2_penalty",
    "beta1": "beta_1 betas",
    "beta2": "beta_2",
    "epsilon": "eps",
    "momentum_form": "nesterov",
    "epochs": "epoch n_epochs num_epochs nb_epoch nb_epochs max_epochs max_iter n_iter iterations",
    "batch_size": "bs batch batchsize minibatch minibatch_size mini_batch_size",
    "accumulate": "accumulation accumulation_steps grad_accum gradient_accumulation",
    "clip_norm": "clip clipping clipnorm max_norm grad_clip gradient_clip gradient_clipping max_grad_norm",
    "schedule": "scheduler lr_schedule lr_scheduler learning_rate_schedule",
    "early_stopping": "earlystopping early_stop",
    "precision": "dtype",
    "max_seconds": "timeout max_time time_limit",
    "patience": "n_iter_no_change",
    "min_delta": "tol tolerance",
    "metric": "monitor",
    "hidden": "hidden_layer_sizes hidden_layers hidden_sizes hidden_size hidden_units hidden_dims hidden_dim "
    "layers units widths",
    "filters": "channels",
    "kernel": "kernel_size filter_size",
    "pool": "pool_size pooling",
    "activation": "act nonlinearity activation_function",
    "dropout": "dropout_rate drop_rate dropout_p drop",
    "batch_norm": "bn batchnorm batch_normalization batch_normalisation",
    "layer_norm": "ln layernorm layer_normalization layer_normalisation",
    "initializer": "init initialization initialisation initialiser weight_init kernel_initializer",
    "label_smoothing": "smoothing",
    "gamma": "focusing",
    "tau": "temperature",
    "train": "training train_size train_ratio",
    "folds": "k n_folds num_folds n_splits kfold k_fold k_folds cv",
    "repeats": "n_repeats num_repeats repetitions repeat",
    "validation": "val valid dev val_size val_ratio validation_size validation_split",
    "test": "testing test_size test_ratio test_split holdout",
    "stratify": "stratified",
    "seed": "random_state random_seed",
    "ratio": "imbalance_ratio imbalance_factor",
    # names of variants
    "cross_entropy": "ce xent nll nll_loss softmax softmax_cross_entropy crossentropy bce log_loss logloss logistic "
    "categorical_crossentropy sparse_categorical_crossentropy",
    "generalized_cross_entropy": "gce",
    "l2": "mse mean_squared_error squared_error squared_loss squared",
    "l1": "mae mean_absolute_error absolute_error",
    "huber": "smooth_l1",
    "logit_adjustment": "la",
    "inverse_frequency": "balanced inverse inverse_class_frequency",
    "effective_number": "class_balanced cb",
    "given": "manual custom",
    "oversample": "ros oversampling random_oversampling random_over_sampler upsample",
    "undersample": "rus undersampling random_undersampling random_under_sampler downsample",
    "weighted_sampler": "weighted weighted_random_sampler",
    "balanced_batches": "balanced balanced_batch",
    "standard": "standardize standardise standard_scaler zscore z_score",
    "minmax": "min_max min_max_scaler",
    "sgd": "gd momentum",
    "mlp": "fc dense nn dnn feedforward",
    "convnet": "cnn conv convolutional",
    "leaky_relu": "lrelu",
    "sigmoid": "logistic",
    "glorot_uniform": "glorot xavier xavier_uniform",
    "he_normal": "he kaiming kaiming_normal he_uniform",
    "cosine": "cosine_annealing cosine_decay",
    "step": "step_lr",
    "exponential": "long_tail longtail long_tailed",
    # metrics and statuses
    "accuracy": "acc",
    "balanced_accuracy": "balanced bal_acc balanced_acc macro_recall uar",
    "macro_f1": "f1 f1_score f1_macro",
    "mcc": "matthews matthews_corrcoef",
    "nll": "log_loss logloss cross_entropy",
    "ece": "calibration calibration_error",
    "auroc": "auc roc_auc roc_auc_score",
    "average_precision": "ap pr_auc auprc average_precision_score",
    "cohen_kappa": "kappa cohen_kappa_score",
    "g_mean": "gmean geometric_mean",
    "queued": "pending waiting",
    "running": "active started",
    "succeeded": "success done finished complete completed ok",
    "failed": "error failure",
    "cancelled": "canceled",
}
"""The right names, each with words that people write instead."""

_BY_SYNONYM: defaultdict[str, list[str]] = defaultdict(list)
for _name, _words in SYNONYMS.items():
    for _word in _words.split():
        _BY_SYNONYM[_word].append(_name)


def suggest(given: str, known: Sequence[str]) -> str | None:
    """The one of the names `known` that was probably meant, or None."""
    return same_meaning(given, known) or _nearest(given, known)


def same_meaning(given: str, known: Collection[str]) -> str | None:
    """The one of the names `known` with the same meaning, or None: `ReLU` is relu, and `lr` is learning_rate."""
    plain = _snake_case(given)
    words = (plain, plain.removesuffix("_loss"))
    meant = [*words, *(name for word in words for name in _BY_SYNONYM.get(word, ()))]
    return next((name for name in meant if name in known), None)


def did_you_mean(given: str, known: Sequence[str]) -> str:
    """The question "did you mean ...? ", with a trailing space; empty if no known name is similar."""
    meant = suggest(given, known)
    return f"did you mean {meant!r}? " if meant else ""


def _nearest(given: str, known: Sequence[str]) -> str | None:
    near = get_close_matches(given, known, n=1, cutoff=SIMILAR)
    return near[0] if near else None


def _snake_case(given: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", given)
    return re.sub(r"[\s-]+", "_", words.strip()).lower()
