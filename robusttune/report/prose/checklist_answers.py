"""The answers to the checklist that a study gives from what it has stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from robusttune.declaration.study_runs import tuning_seeds
from robusttune.post_evaluation.select import DEFAULT_CONTROL
from robusttune.report.prose import machines, methods, paper
from robusttune.report.prose.words import count, listed

if TYPE_CHECKING:
    from robusttune.declaration.study import StudySpec
    from robusttune.report.model import Ranking

Answer = str | tuple[str, str]
"""What is known of an item; and with it, what is to be filled in."""

_MOST_LISTED = 10  # seeds that are written out; more are in runs.csv


def setting(ranking: Ranking) -> Answer:
    """Return what separates testing from tuning."""
    n_tuning, n_test = (len(set(one)) for one in (_tuning_seeds(ranking), _test_seeds(ranking)))
    title, missing = (
        ranking.study.training.title,
        "whether the domain has a test setting of its own, such as held-out",
    )
    missing += " levels, and whether results are on it"
    if not n_tuning:
        return f"Nothing was tuned here. Configurations were tested on {title}.", missing
    return (
        f"Both stages use one setting: {title}. They differ in their seeds: {count(n_tuning, 'seed')} for tuning, "
        f"{n_test} for testing and none for both, as the top bit of a seed is its stage. Training and evaluation "
        "environments have separate streams of random numbers.",
        missing,
    )


def package(ranking: Ranking) -> str:
    """Return with what was tuned, and how."""
    if not ranking.study.searches:
        return "Nothing was tuned in this study: it evaluates configurations that were found elsewhere."
    versions = (
        f"robusttune{paper.versions(ranking, 'robusttune')} with Optuna{paper.versions(ranking, 'optuna')}"
    )
    return f"Hyperparameters were tuned using {versions}, based on {paper.search(ranking)}."


def space(ranking: Ranking) -> Answer:
    """Return where the search space is."""
    n = len(ranking.study.search_space.parameters)
    if not n:
        return "There is no search space, as nothing was searched."
    return (
        f"{count(n, 'hyperparameter')} of {ranking.study.training.title}: see the table of the search space."
    )


def shared_space(ranking: Ranking) -> Answer:
    """Return whether algorithms share a search space."""
    told = "This study tunes one algorithm in one search space." if ranking.study.searches else ""
    return told, "whether other algorithms of the paper were searched in the same ranges, or why not"


def metric(ranking: Ranking) -> Answer:
    """Return what was optimised."""
    study = ranking.study
    score = f"The score of a run is the {methods.score_of(study)}; higher is better."
    if not study.searches:
        return score
    tuning, again = study.evaluation.n_episodes, study.n_post_evaluation_episodes
    fewer = f" In tuning it rested on {count(tuning, 'episode')}." if tuning != again else ""
    return f"{score}{fewer} The objective value of a trial is {paper.objective(study.tuning)}."


def budget(ranking: Ranking) -> str:
    """Return the budget that was asked for, and what was trained."""
    study, cost = ranking.study, ranking.work.tuning
    if not study.searches:
        return "There was no tuning budget, as nothing was tuned."
    trained = (
        f" Tuning trained {cost.timesteps:,} {study.training.UNIT} in {count(cost.n_runs, 'run')}."
        if cost.n_runs
        else ""
    )
    return f"The tuning budget was {asked(study)}.{trained}"


def asked(study: StudySpec) -> str:
    """Return the budget that a search was given."""
    trials = (
        f"at most {study.tuning.timeout_s:g} seconds"
        if study.n_trials is None
        else count(study.n_trials, "trial")
    )
    return f"{trials} with {study.training.total_timesteps:,} {study.training.UNIT} a run"


def equal_budget(ranking: Ranking) -> Answer:
    """Return whether all had one budget."""
    trained = [row.runs.timesteps for row in ranking.rows if row.runs.timesteps is not None]
    training = ranking.study.training
    told = "Every trial was given the same budget." if ranking.study.searches else ""
    if trained:
        low, high = min(trained), max(trained)
        range_ = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        told += f" Configurations were tested after {range_} {training.UNIT} a run"
        told += f"; {training.total_timesteps:,} were asked for."
    return told.strip(), "whether other methods of the paper had the same tuning budget, or why not"


def comparable(ranking: Ranking) -> Answer:
    """Return on how many machines the runs were made."""
    limit = ranking.study.tuning.timeout_s
    unit = f"in trials and {ranking.study.training.UNIT}"
    by = (
        f"The budget is counted {unit}." if limit is None else f"The search was limited to {limit:g} seconds."
    )
    n = len(machines.hosts(ranking.work.provenances))
    where = [f"All runs were made on {count(n, 'host')}."] if n else []
    return " ".join([by, *where] if ranking.study.searches else where) or "No machine is recorded."


def all_tuned(ranking: Ranking) -> Answer:
    """Return which configurations do not come from the search."""
    others = [row.name for row in ranking.rows if row.candidate.trial_number is None]
    asked = [name for name in others if name != DEFAULT_CONTROL]
    missing = f"how {listed(asked)} {'was' if len(asked) == 1 else 'were'} found" if asked else ""
    if len(others) == len(ranking.rows):
        return "No reported configuration was tuned in this study.", missing
    told = "All reported configurations come from the search described above"
    return f"{told}, except {listed(others)}." if others else f"{told}.", missing


def tuned_on(ranking: Ranking) -> str:
    """Return the tuning seeds."""
    return (
        _told_seeds("Tuning", _tuning_seeds(ranking))
        if ranking.study.searches
        else "There are no tuning seeds."
    )


def tested_on(ranking: Ranking) -> str:
    """Return the test seeds."""
    seeds = methods.seeds_of(ranking)
    told = _told_seeds("Testing", _test_seeds(ranking))
    confirmed = ranking.found.confirmed
    n = 0 if confirmed is None else sum(map(len, confirmed.seeds))
    further = f" A confirmation had {count(n, 'further seed')}." if n else ""
    return f"{told} Each configuration has {seeds}.{further}"


def _told_seeds(stage: str, seeds: Sequence[int]) -> str:
    distinct = sorted(set(seeds))
    if not distinct:
        return f"{stage} has no run yet."
    which = (
        f"{listed(map(str, distinct))}"
        if len(distinct) <= _MOST_LISTED
        else f"between {distinct[0]} and {distinct[-1]}; runs.csv lists them all"
    )
    return f"{stage} was done across {count(len(distinct), 'seed')}: {which}."


def on_test_seeds(ranking: Ranking) -> str:
    """Return what results rest on."""
    return (
        "Yes: ranking, intervals and comparisons use the test seeds alone. Tuning scores are shown beside them, to "
        "tell how far they were off."
    )


def incumbents(ranking: Ranking) -> Answer:
    """Return who is recommended, and where its values are."""
    top, best_set = ranking.analysis.recommended, ranking.analysis.best_set
    values = ranking.row(top).candidate.hyperparameters
    where = (
        "its values are in the table of configurations"
        if values
        else "all hyperparameters have their defaults"
    )
    others = [name for name in best_set if name != top]
    rest = (
        f" It cannot be told apart from {listed(others)}; ranking.csv has the values of all."
        if others
        else ""
    )
    return f"Recommended is {top}; {where}.{rest}"


def code(ranking: Ranking) -> Answer:
    """Return the revision of the code."""
    revisions = sorted(
        {str(one["git_revision"]) for one in ranking.work.provenances if one.get("git_revision")}
    )
    missing = "where the code can be found"
    if not revisions:
        return "", missing
    named = listed(f"`{one}`" for one in revisions)
    return f"The runs were made in a folder at the git revision {named}.", missing


def process(ranking: Ranking) -> Answer:
    """Return whether the study file tells how tuning was done."""
    runs = f" `{ranking.command}` runs the whole study." if ranking.command else ""
    if not ranking.study.searches:
        return f"This study has no tuning; its study file declares configurations, budget, seeds and evaluation.{runs}"
    again = (
        "the same trials again" if ranking.tuning_is_reproducible else "trials of the same kind, but others"
    )
    return (
        "Yes, if the study file is published: it declares search space, search, budget, seeds and evaluation, and "
        f"gives {again}.{runs}"
    )


def environment(ranking: Ranking) -> Answer:
    """Return the versions."""
    return machines.software(
        ranking.work.provenances
    ), "where a file with the versions of all packages can be found"


def hardware(ranking: Ranking) -> Answer:
    """Return the machines, and how long they computed."""
    found = [machines.hardware(ranking.work.provenances), *paper.work(ranking)]
    return " ".join(filter(None, found)), "GPUs, if any were used"


def _tuning_seeds(ranking: Ranking) -> list[int]:
    own = (tuning_seeds(ranking.study, trial.number, len(trial.run_ids)) for trial in ranking.trials)
    return [seed for seeds in own for seed in seeds]


def _test_seeds(ranking: Ranking) -> list[int]:
    return [seed for row in ranking.rows for seed in row.runs.seeds if isinstance(seed, int)]
