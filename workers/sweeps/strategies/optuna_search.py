"""Optuna's samplers, by ask and tell: a study is made anew from the stored candidates for each one that is chosen.

Optuna stores nothing. What its samplers note about a trial is stored with the candidate.
"""

import warnings
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Annotated, Any, Literal

from pydantic import Field

from workers.randomness import generator
from workers.sweeps.ranges import Choices, Integers, LogUniform, NumberRange, Range, RangeValue
from workers.sweeps.space import Space
from workers.sweeps.strategies.adaptive import (
    DEFAULT_OUTSTANDING,
    AdaptiveStrategy,
    CandidateOutcome,
    Drawn,
    Outstanding,
    Package,
)
from workers.tagged_union import Count, Flag, Seed, variant
from workers.validation.errors import FieldError, InvalidSpec

INSTALL: dict[Package, str] = {
    "optuna": "needs Optuna: pip install 'holdout[optuna]'",
    "torch": "needs PyTorch: pip install torch; or take another sampler",
}
Setting = (
    Flag | Annotated[int, Field(strict=True, ge=0, le=10_000)] | Annotated[float, Field(ge=0, le=10_000)]
)
Settings = Annotated[dict[Annotated[str, Field(max_length=50)], Setting], Field(max_length=16)]


class OptunaStrategy(AdaptiveStrategy):
    """Asks a sampler of Optuna for each candidate."""

    seed: int

    @property
    def needed(self) -> Sequence[Package]:
        """The packages that it needs."""
        return ("optuna",)

    @abstractmethod
    def make_sampler(self, seed: int) -> Any:
        """The sampler. Raises TypeError, ValueError or ImportError if Optuna has none with these settings."""

    @property
    def missing(self) -> Package | None:
        return next((package for package in self.needed if find_spec(package) is None), None)

    def faults(self, space: Space, candidates: int | None) -> Iterator[FieldError]:
        missing = self.missing
        if missing is not None:
            yield FieldError("strategy", self.name, INSTALL[missing])
            return
        try:
            self.make_sampler(0)
        except (TypeError, ValueError, ImportError) as error:
            yield FieldError("strategy", self.name, f"Optuna refuses these settings: {error}")

    def asking(
        self, space: Space, told: Sequence[CandidateOutcome], number: int, *, maximize: bool
    ) -> "OptunaStudy":
        seed = int(generator(self.seed, "sweeps", number).integers(2**32))
        return OptunaStudy(space, told, self.make_sampler(seed), maximize=maximize)


@variant
class TreeParzen(OptunaStrategy):
    """Draws values that are more frequent among the good candidates than among the others.

    The first `startup` candidates are random. outstanding: how many are queued or train at the same time. The fields
    of a candidate are drawn together, those of a variant by the candidates that have it. Needs Optuna.
    Source: Bergstra, Bardenet, Bengio & Kegl 2011, Algorithms for hyper-parameter optimization.
    """

    name: Literal["tpe"] = "tpe"
    startup: Count = 10
    outstanding: Outstanding = DEFAULT_OUTSTANDING
    seed: Seed = 0

    def make_sampler(self, seed: int) -> Any:
        together = {"multivariate": True, "group": True, "constant_liar": True}
        return _sampler("TPESampler", seed, {"n_startup_trials": self.startup, **together})


@variant
class OptunaSearch(OptunaStrategy):
    """Asks a sampler of Optuna by its name. settings: its arguments, as in `{"population_size": 20}`.

    Left out are samplers whose state is not that of their trials: CmaEsSampler, QMCSampler (take `sobol`) and
    GridSampler (take `grid`). GPSampler needs PyTorch.
    Source: Akiba, Sano, Yanase, Ohta & Koyama 2019, Optuna: a next-generation hyperparameter optimization framework.
    """

    name: Literal["optuna"] = "optuna"
    sampler: Literal[
        "TPESampler", "GPSampler", "NSGAIISampler", "NSGAIIISampler", "BruteForceSampler", "RandomSampler"
    ] = "TPESampler"
    settings: Settings = Field(default_factory=dict)
    outstanding: Outstanding = DEFAULT_OUTSTANDING
    seed: Seed = 0

    @property
    def needed(self) -> Sequence[Package]:
        return ("optuna", "torch") if self.sampler == "GPSampler" else ("optuna",)

    def faults(self, space: Space, candidates: int | None) -> Iterator[FieldError]:
        yield from super().faults(space, candidates)
        if self.sampler == "BruteForceSampler":
            for each in space.dimensions:
                if isinstance(each.range, NumberRange):
                    message = "BruteForceSampler needs choices or whole numbers here"
                    yield FieldError(each.place, None, message)

    def make_sampler(self, seed: int) -> Any:
        return _sampler(self.sampler, seed, self.settings)


class OptunaStudy:
    """A study in memory with the earlier candidates of a sweep as its trials."""

    def __init__(
        self, space: Space, told: Sequence[CandidateOutcome], sampler: Any, *, maximize: bool
    ) -> None:
        self._space, self._trial = space, None
        self._distributions = {str(i): _distribution(each.range) for i, each in enumerate(space.dimensions)}
        direction = "maximize" if maximize else "minimize"
        self._study = _optuna().create_study(direction=direction, sampler=sampler)
        self._study.add_trials([self._frozen(each) for each in told])

    def ask(self) -> Drawn:
        """Draw the values of a candidate. Raises InvalidSpec if the sampler fails with its settings."""
        try:
            return self._drawn()
        except Exception as error:
            message = f"Optuna cannot draw a candidate with these settings: {type(error).__name__}: {error}"
            raise InvalidSpec([FieldError("strategy", None, message)]) from error

    def _drawn(self) -> Drawn:
        trial = self._trial = self._study.ask()
        values = self._space.walk(lambda number, dimension: _suggested(trial, str(number), dimension.range))
        stored = self._study.get_trials(deepcopy=False)[trial.number]
        return Drawn(values, {"params": dict(stored.params), "notes": dict(stored.system_attrs)})

    def refuse(self, value: float | None) -> None:
        """Tell that the last draw is not trained. value: that of an equal candidate, if it has one."""
        if value is not None:
            self._study.tell(self._trial, value)
        else:
            self._study.tell(self._trial, state=_optuna().trial.TrialState.FAIL)

    def _frozen(self, each: CandidateOutcome) -> Any:
        trial = _optuna().trial
        states = trial.TrialState
        state = {"running": states.RUNNING, "succeeded": states.COMPLETE, "failed": states.FAIL}[each.status]
        params = each.remembered["params"]
        return trial.create_trial(
            state=state,
            value=each.value if each.status == "succeeded" else None,
            params=params,
            distributions={name: self._distributions[name] for name in params},
            system_attrs=each.remembered["notes"],
        )


def _distribution(given: Range) -> Any:
    """The values of a range to Optuna: numbers as they are, choices by their place."""
    kinds = _optuna().distributions
    match given:
        case Choices():
            return kinds.CategoricalDistribution(range(len(given.choices)))
        case Integers():
            low, high = (each.value for each in given.extremes())
            if given.log:  # which Optuna does not know with a step
                return kinds.FloatDistribution(0.0, 1.0)
            return kinds.IntDistribution(low, high, step=given.step)
        case NumberRange():
            low, high = given.ends
            return kinds.FloatDistribution(low, high, log=isinstance(given, LogUniform))
        case _:
            raise NotImplementedError(type(given))


def _suggested(trial: Any, name: str, given: Range) -> RangeValue:
    """The value of a range that a trial suggests, drawn from `_distribution`."""
    match given:
        case Choices():
            option = trial.suggest_categorical(name, range(len(given.choices)))
            return RangeValue(given.choices[option], option)
        case Integers(log=True):
            return given.at(trial.suggest_float(name, 0.0, 1.0))
        case Integers():
            low, high = (each.value for each in given.extremes())
            return RangeValue(trial.suggest_int(name, low, high, step=given.step))
        case NumberRange():
            return given.near(trial.suggest_float(name, *given.ends, log=isinstance(given, LogUniform)))
        case _:
            raise NotImplementedError(type(given))


def _sampler(name: str, seed: int, settings: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", _optuna().exceptions.ExperimentalWarning)
        return getattr(_optuna().samplers, name)(seed=seed, **settings)


def _optuna() -> Any:
    """Imported when it is used."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
