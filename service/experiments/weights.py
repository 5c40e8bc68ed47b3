"""The weights of a model as a file that is usable alone: safetensors, every tensor by its name."""

import json

from safetensors.numpy import save

from service.experiments.model_cache import LoadedModel


def safetensors(model: LoadedModel) -> bytes:
    """The tensors of `Predictor.tensors`, and in the metadata what they belong to, as JSON under one key.

    One key, because safetensors writes several in an order that differs from process to process.
    """
    experiment = model.experiment
    facts = {
        "version": 1,
        "experiment": experiment.id,
        "seed": model.seed,
        "epoch": model.epoch,
        "spec_hash": experiment.spec_hash,
        "spec": experiment.spec,
        "classes": experiment.plan["dataset"]["classes"],
        "dataset_sha256": experiment.plan["dataset"]["sha256"],
    }
    with model.alone() as predictor:
        return save(predictor.tensors(), metadata={"holdout": json.dumps(facts)})
