"""Trials of searches whose landscape is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import optuna

from robusttune.declaration.space import Categorical
from robusttune.declaration.study import StudySpec
from robusttune.post_evaluation.encoding import encode
from robusttune.results.records import TrialRecord, TrialState
from robusttune.tuning.parameters import distributions, real_values

Landscape = Callable[[Mapping[str, float]], float]


def searched(
    study: StudySpec, landscape: Landscape, n: int, *, seed: int, sampler: str = "random"
) -> list[TrialRecord]:
    """Return the trials of a search with noise of SD 1.

    `landscape` is given the place of each hyperparameter in its range, 0 to 1, on the scale of the search; of a choice,
    its position.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    kinds = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}
    search = optuna.create_study(direction="maximize", sampler=kinds[sampler](seed=seed))
    rng, trials, space = np.random.default_rng(seed), [], study.search_space
    for number in range(n):
        trial = search.ask(distributions(space))
        values = real_values(space, trial.params)
        columns = encode(space, [values])
        place = {}
        for group, name in enumerate(sorted(space.parameters)):
            own = columns.columns[0][columns.groups == group]
            place[name] = float(own.argmax() if isinstance(space.parameters[name], Categorical) else own[0])
        score = landscape(place) + float(rng.normal())
        search.tell(trial, score)
        trials.append(
            TrialRecord(
                number=number,
                config_id=f"id of {number}",
                hyperparameters=values,
                run_ids=(),
                scores=(score,),
                objective_value=score,
                state=TrialState.COMPLETE,
            )
        )
    return trials
