"""The checklist for papers with tuned hyperparameters, answered from what a study has stored.

The items are those of Eimer, Lindauer and Raileanu, "Hyperparameters in Reinforcement Learning and How To Tune Them",
ICML 2023 (arXiv:2306.01324), in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from robusttune.declaration.study_runs import tuning_runs
from robusttune.report.prose import given_checklist, machines, methods, paper
from robusttune.report.prose.space import searched, short
from robusttune.report.prose.words import count, listed

if TYPE_CHECKING:
    from robusttune.report.model import Ranking

SOURCE = (
    "Checklist of T. Eimer, M. Lindauer, R. Raileanu, Hyperparameters in Reinforcement Learning and How To Tune Them, "
    "ICML 2023, arXiv:2306.01324."
)
_MOST_LISTED = 10  # seeds that are written out; more are in runs.csv


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of the checklist.

    Attributes
    ----------
    heading : str
    answer : str
        Full sentences, from the results database.
    missing : str
        What it cannot know, to be filled in; empty where nothing is.
    """

    heading: str
    answer: str
    missing: str = ""

    @property
    def text(self) -> str:
        """The answer, and what is to be filled in."""
        return " ".join(
            filter(None, (self.answer, self.missing and f"Not recorded; fill in: {self.missing}."))
        )


def _setting(ranking: Ranking) -> tuple[str, str]:
    n_tuning, n_test = (len(set(one)) for one in (_tuning_seeds(ranking), _test_seeds(ranking)))
    return (
        f"Tuning and testing differ in their seeds: {count(n_tuning, 'seed')} for tuning and {n_test} for testing, "
        "none in both, as the top bit of a seed is its stage. Training and evaluation environments have separate "
        "streams of random numbers. Both stages use one setting: "
        f"{ranking.study.training.title}.",
        "whether the domain has a test setting of its own, such as held-out levels, and whether results are on it",
    )


def _package(ranking: Ranking) -> str:
    if not ranking.study.searches:
        return "Nothing was tuned in this study: it evaluates configurations that were found elsewhere."
    versions = (
        f"robusttune{paper.versions(ranking, 'robusttune')} with Optuna{paper.versions(ranking, 'optuna')}"
    )
    return f"Hyperparameters were tuned using {versions}, based on {paper.search(ranking)}."


def _space(ranking: Ranking) -> str:
    space = ranking.study.search_space.parameters
    if not space:
        return "There is no search space, as nothing was searched."
    parts = [
        f"{name} {values} ({scale})"
        for name, (values, scale) in zip(space, map(searched, space.values()), strict=True)
    ]
    fixed = ranking.study.training.hyperparameters
    rest = (
        [f" Fixed for all trials: {listed(f'{name} = {short(value)}' for name, value in fixed.items())}."]
        if fixed
        else []
    )
    return f"{ranking.study.training.title}: {'; '.join(parts)}.{''.join(rest)}"


def _shared_space(ranking: Ranking) -> tuple[str, str]:
    return (
        "This study tunes one algorithm in one search space.",
        "whether other algorithms of the paper were searched in the same ranges, or why not",
    )


def _metric(ranking: Ranking) -> str:
    study = ranking.study
    score = f"The score of a run is the {methods.score_of(study)}; higher is better."
    if not study.searches:
        return score
    episodes = (
        f" In tuning it rested on {count(study.evaluation.n_episodes, 'episode')}."
        if study.training.HAS_POLICY
        else ""
    )
    return f"{score}{episodes} The objective value of a trial is that of {paper.objective(ranking)}."


def _budget(ranking: Ranking) -> str:
    study, cost = ranking.study, ranking.work.tuning
    if not study.searches:
        return "There was no tuning budget, as nothing was tuned."
    asked = (
        f"at most {study.tuning.timeout_s:g} seconds"
        if study.n_trials is None
        else count(study.n_trials, "trial")
    )
    trained = (
        f" Really trained in tuning: {cost.timesteps:,} {study.training.UNIT} in {count(cost.n_runs, 'run')}."
        if cost.n_runs
        else ""
    )
    length = f"{study.training.total_timesteps:,} {study.training.UNIT}"
    return f"The tuning budget was {asked} with {length} a run.{trained}"


def _equal_budget(ranking: Ranking) -> tuple[str, str]:
    trained = {row.runs.timesteps for row in ranking.rows} - {None}
    unit = ranking.study.training.UNIT
    told = ""
    if trained:
        low, high = min(filter(None, trained)), max(filter(None, trained))
        told = (
            f" Configurations were tested after {low:,} {unit} a run"
            if low == high
            else (f" Configurations were tested after {low:,} to {high:,} {unit} a run")
        )
        told += f", {ranking.study.training.total_timesteps:,} asked for."
    return (
        f"All trials had the same budget.{told}",
        "whether other methods of the paper had the same tuning budget",
    )


def _comparable(ranking: Ranking) -> str:
    timeout = ranking.study.tuning.timeout_s
    by = (
        "counted in trials and " + ranking.study.training.UNIT
        if timeout is None
        else f"limited to {timeout:g} seconds"
    )
    n = len(machines.hosts(ranking.work.provenances))
    where = f" The runs were made on {count(n, 'host')}." if n else ""
    return f"The budget was {by}.{where}"


def _all_tuned(ranking: Ranking) -> str | tuple[str, str]:
    others = [row.name for row in ranking.rows if row.candidate.trial_number is None]
    if not others:
        return "All reported configurations come from the search described above."
    named = listed(others)
    come = "does" if len(others) == 1 else "do"
    asked = [name for name in others if name != "default"]
    told = (
        f"All reported configurations come from the search described above, except {named}, which {come} not."
    )
    return (told, f"how {listed(asked)} {'was' if len(asked) == 1 else 'were'} found") if asked else told


def _tuned_on(ranking: Ranking) -> str:
    return (
        _told_seeds("Tuning", _tuning_seeds(ranking))
        if ranking.study.searches
        else "There are no tuning seeds."
    )


def _tested_on(ranking: Ranking) -> str:
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


def _on_test_seeds(ranking: Ranking) -> str:
    return (
        "Yes: ranking, intervals and comparisons use the test seeds alone. Tuning scores are shown beside them, to "
        "tell how far they were off."
    )


def _incumbents(ranking: Ranking) -> str:
    analysis = ranking.analysis
    row = ranking.row(analysis.recommended)
    values = ", ".join(f"{name} = {short(value)}" for name, value in row.candidate.hyperparameters.items())
    others = [name for name in analysis.best_set if name != analysis.recommended]
    rest = (
        f" It cannot be told apart from {listed(others)}, whose values are in ranking.csv." if others else ""
    )
    return f"{analysis.recommended}: {values or 'all hyperparameters at their defaults'}.{rest}"


def _code(ranking: Ranking) -> tuple[str, str]:
    revisions = sorted(
        {str(one["git_revision"]) for one in ranking.work.provenances if one.get("git_revision")}
    )
    known = f"The runs were made at the git revision {listed(revisions)}." if revisions else ""
    return known, "where the code can be found"


def _process(ranking: Ranking) -> str:
    again = f"; `{ranking.command}` runs the whole study" if ranking.command else ""
    repeats = (
        "the same trials again"
        if ranking.tuning_is_reproducible
        else "trials of the same kind, but not the same"
    )
    return (
        f"Yes, if the study file is published: it declares search space, search, budget, seeds and evaluation{again}, "
        f"and gives {repeats}."
    )


def _environment(ranking: Ranking) -> tuple[str, str]:
    return machines.software(
        ranking.work.provenances
    ), "where a file with the versions of all packages can be found"


def _hardware(ranking: Ranking) -> tuple[str, str]:
    found = [machines.hardware(ranking.work.provenances), *paper.work(ranking)]
    return " ".join(filter(None, found)), "GPUs, if any were used"


def _tuning_seeds(ranking: Ranking) -> list[int]:
    return [
        run.seed
        for trial in ranking.trials
        for run in tuning_runs(
            ranking.study, trial.hyperparameters, trial.number, indices=range(len(trial.run_ids))
        )
    ]


def _test_seeds(ranking: Ranking) -> list[int]:
    return [seed for row in ranking.rows for seed in row.runs.seeds if isinstance(seed, int)]


Answer = str | tuple[str, str]
"""What is known of an item; and with it, what is to be filled in."""

_ITEMS: Mapping[str, tuple[str, Callable[[Ranking], Answer]]] = {
    "setting": ("Training and test setting", _setting),
    "package": ("Package and method of tuning", _package),
    "space": ("Search space", _space),
    "shared": ("Same search space wherever algorithms share hyperparameters", _shared_space),
    "metric": ("Cost metric", _metric),
    "budget": ("Tuning budget", _budget),
    "equal": ("Same budget for all tuned methods", _equal_budget),
    "hardware_equal": ("Comparable hardware, if the budget is a time", _comparable),
    "all_tuned": ("All reported methods tuned like this", _all_tuned),
    "tuned_on": ("Tuning seeds", _tuned_on),
    "tested_on": ("Test seeds", _tested_on),
    "on_test_seeds": ("All results on test seeds", _on_test_seeds),
    "incumbents": ("Final incumbent configurations", _incumbents),
    "code": ("Code", _code),
    "process": ("Code includes the tuning process", _process),
    "environment": ("Exact software environment", _environment),
    "hardware": ("Hardware and compute time", _hardware),
}
_GIVEN: Mapping[str, Callable[[Ranking], Answer]] = {
    "metric": given_checklist.metric,
    "tested_on": given_checklist.tested_on,
    "on_test_seeds": given_checklist.on_test_seeds,
    "incumbents": given_checklist.incumbents,
}


def checklist(ranking: Ranking) -> tuple[Item, ...]:
    """Return every item with its answer."""
    return tuple(_item(key, heading, make, ranking) for key, (heading, make) in _ITEMS.items())


def _item(key: str, heading: str, make: Callable[[Ranking], Answer], ranking: Ranking) -> Item:
    if ranking.given is not None:
        known = _GIVEN.get(key)
        found: Answer = ("", given_checklist.UNKNOWN[key]) if known is None else known(ranking)
    else:
        found = make(ranking)
    answer, missing = (found, "") if isinstance(found, str) else found
    return Item(heading=heading, answer=answer, missing=missing)
