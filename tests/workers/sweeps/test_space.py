"""Spaces: which fields a candidate changes, which fields apply only under a choice, and every fault at once."""

from tests.workers.sweeps.conftest import Faults, PlanSweep
from workers.spec import ExperimentSpec

RATE = "optimizer.learning_rate"


def test_candidates_differ_from_the_base_spec_in_the_swept_fields_alone(plan: PlanSweep) -> None:
    base = {"dataset": "iris", "seeds": [3, 4], "model": {"hidden": [8], "dropout": 0.25}}
    found = plan(spec=base, space={RATE: [0.1, 0.01], "model.hidden": [[4], [4, 4]]}).candidates
    assert [each.values for each in found] == [
        {RATE: rate, "model.hidden": hidden} for rate in (0.1, 0.01) for hidden in ([4], [4, 4])
    ]
    for each in found:
        spec = each.plan.spec
        assert spec.optimizer.learning_rate == each.values[RATE]
        assert list(getattr(spec.model, "hidden", ())) == each.values["model.hidden"]
        assert (spec.dataset.name, spec.seeds, getattr(spec.model, "dropout", None)) == ("iris", (3, 4), 0.25)


def test_a_field_of_a_variant_applies_to_candidates_with_that_variant(plan: PlanSweep) -> None:
    expected = [
        {"loss": "cross_entropy"},
        {"loss": "focal", "loss.gamma": 1},
        {"loss": "focal", "loss.gamma": 3},
    ]
    by_path = {"loss": ["cross_entropy", "focal"], "loss.gamma": [1, 3]}
    nested = {"loss": ["cross_entropy", {"name": "focal", "gamma": {"choices": [1, 3]}}]}
    for space in (by_path, nested):
        assert [each.values for each in plan(space=space).candidates] == expected


def test_a_field_that_only_some_choices_of_sets_of_fields_have(plan: PlanSweep) -> None:
    space = {"spec": [{"loss": "focal", "balancing": "oversample"}, {"loss": "l2"}], "loss.gamma": [1, 2]}
    found = [each.values for each in plan(space=space).candidates]
    assert [each.get("loss.gamma") for each in found] == [1, 2, None]
    assert found[2] == {"loss": "l2"}


def test_fixed_fields_within_a_choice_stay_beside_its_ranges(plan: PlanSweep) -> None:
    smoothed = {"name": "cross_entropy", "label_smoothing": {"uniform": [0, 0.5], "levels": 2}}
    stepped = {"name": "step", "factor": 0.5, "every": {"choices": [1, 2]}}
    found = plan(space={"loss": [smoothed], "training.schedule": [stepped]}).candidates
    assert [each.plan.spec.training.schedule.factor for each in found] == [0.5] * 4  # type: ignore[union-attr]
    assert len({each.plan.spec.spec_hash for each in found}) == 4


def test_a_path_may_lead_into_a_list(plan: PlanSweep) -> None:
    found = plan(spec={"model": {"hidden": [32, 16]}}, space={"model.hidden[1]": [4, 8]}).candidates
    assert [each.plan.spec.model.hidden for each in found] == [(32, 4), (32, 8)]  # type: ignore[union-attr]


def test_candidates_that_resolve_to_the_same_spec_are_made_once(plan: PlanSweep) -> None:
    found = plan(space={"loss": ["focal", {"name": "focal", "gamma": 2}, "cross_entropy"]})
    assert ([each.values["loss"] for each in found.candidates], found.repeated) == (
        ["focal", "cross_entropy"],
        1,
    )


def test_candidates_are_named_after_what_is_special_about_them(plan: PlanSweep) -> None:
    found = plan(name="first", space={RATE: [0.5], "model.hidden": [[4]], "loss": ["l2"]}).candidates
    assert found[0].plan.spec.name == "first: loss l2, learning_rate 0.5, hidden [4]"
    assert (
        len(
            plan(
                space={
                    "model.hidden": [[1000] * 32],
                    "training.clip_norm": [0.25],
                    "optimizer": [{"name": "adam", "epsilon": 0.25}],
                }
            )
            .candidates[0]
            .plan.spec.name
        )
        <= 200
    )


def test_the_presets_can_be_carried_out(plan: PlanSweep) -> None:
    treatments = [
        (spec.balancing.name, spec.class_weights.name, spec.loss.name)
        for spec in (each.plan.spec for each in plan(preset="imbalance").candidates)
    ]
    assert treatments == [
        ("none", "none", "cross_entropy"),
        ("oversample", "none", "cross_entropy"),
        ("none", "inverse_frequency", "cross_entropy"),
        ("none", "none", "balanced_softmax"),
    ]
    rates = [each.plan.spec.optimizer.learning_rate for each in plan(preset="learning_rate").candidates]
    assert (rates[0], rates[-1], len(rates)) == (1e-4, 1e-1, 7)
    assert len(plan(preset="losses").candidates) == 5


def test_ranges_are_added_to_those_of_a_preset(plan: PlanSweep) -> None:
    assert len(plan(preset="imbalance", space={RATE: [0.1, 0.01]}).candidates) == 8


def test_every_fault_of_a_space_is_found_at_once(faults: Faults) -> None:
    found = faults(
        space={
            "optimiser.learning_rate": [1],
            "loss": ["focl", {"name": "focal", "gama": 1}, {"name": "focal", "gamma": {"uniform": [2, 1]}}],
            "loss.gama": [1],
            "model.hidden": [[64], ["a"]],
            "training.batch_size": {"integers": [0, 128]},
            "training.schedule": [{"name": "step", "factor": {"log": [0.1, 7]}}],
            "seeds.x": [1],
            "optimizer.learning_rate": {"log": [0.1, 1]},
        }
    )
    assert set(found) == {
        "space.optimiser.learning_rate[0]",
        "space.loss[0]",
        "space.loss[1].gama",
        "space.loss[2].gamma",
        "space.loss.gama[0]",
        "space.model.hidden[1][0]",
        "space.training.batch_size",
        "space.training.schedule[0].factor",
        "space.seeds.x[0]",
        "space.optimizer.learning_rate",
    }
    assert "did you mean 'optimizer'" in found["space.optimiser.learning_rate[0]"]
    assert "did you mean 'gamma'" in found["space.loss.gama[0]"]
    assert "levels" in found["space.optimizer.learning_rate"]


def test_a_field_has_one_range(faults: Faults) -> None:
    space = {"loss": [{"name": "focal", "gamma": {"choices": [1, 2]}}], "loss.gamma": [3]}
    assert "range of its own" in faults(space=space)["space.loss[0].gamma"]


def test_sets_of_fields_are_objects(faults: Faults) -> None:
    assert set(faults(space={"spec": ["focal", {"los": "focal"}]})) == {"space.spec[0]", "space.spec[1].los"}


def test_faults_of_combinations_are_named_once_with_a_candidate(faults: Faults) -> None:
    space = {"model": ["mlp", "linear"], "loss": ["focal", "cross_entropy"], "balancing": ["smote", "none"]}
    found = faults(space=space)
    assert set(found) == {"spec.loss", "spec.balancing"}
    assert found["spec.loss"].endswith(
        "(candidate with model linear, loss focal, balancing smote, and 1 more)"
    )


def test_what_the_base_spec_lacks_concerns_all_candidates(faults: Faults) -> None:
    found = faults(spec={"dataset": "digts"}, space={"loss": ["focal", "l2"]})
    assert found["spec.dataset.name"].endswith("(all candidates)")


def test_a_candidate_is_planned_as_if_it_were_submitted_by_itself(plan: PlanSweep) -> None:
    candidate = plan(spec={"dataset": "iris"}, space={RATE: [0.5]}).candidates[0]
    alone = ExperimentSpec.model_validate(
        {"dataset": "iris", "optimizer": {"name": "adam", "learning_rate": 0.5}}
    )
    resolved = {"dataset": candidate.plan.spec.dataset, "scaling": candidate.plan.spec.scaling}
    assert candidate.plan.spec.spec_hash == alone.model_copy(update=resolved).spec_hash
