"""Write the weights of a model as a safetensors file, which can be used without the service."""

import json

from service.experiments.model_cache import LoadedModel
from service.store.spec_facts import is_of_folds
from workers import array_bytes


def file_name(model: LoadedModel) -> str:
    """The name of the file of a run's weights. In a cross-validation it contains repeat and fold."""
    repeat, fold, seed = model.key
    folds = f"repeat-{repeat}-fold-{fold}-" if is_of_folds(model.experiment.spec) else ""
    return f"{folds}seed-{seed}.safetensors"


def safetensors(model: LoadedModel) -> bytes:
    """The tensors of `Predictor.tensors` by name; the metadata has spec, classes and hashes as JSON under one key.

    One key, because safetensors writes several in an order that differs from process to process.
    """
    experiment = model.experiment
    facts = {
        "version": 1,
        "experiment": experiment.id,
        **model.key._asdict(),
        "epoch": model.epoch,
        "spec_hash": experiment.spec_hash,
        "spec": experiment.spec,
        "classes": experiment.plan["dataset"]["classes"],
        "dataset_sha256": experiment.plan["dataset"]["sha256"],
    }
    with model.alone() as predictor:
        return array_bytes.to_bytes(predictor.tensors(), {"holdout": json.dumps(facts)})
