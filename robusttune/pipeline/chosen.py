"""Which seeds of which configuration are loaded, played or trained again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.run import RunSpec
from robusttune.errors import SpecError, StudyError
from robusttune.pipeline.models import runs_of
from robusttune.pipeline.reading import Results
from robusttune.pipeline.recommend import recommend_from
from robusttune.report.prose.words import number
from robusttune.results.records import RunResult, RunStatus

_LUCK = ("best", "median", "worst")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A run that is wanted, what is stored of it, and its place among the seeds."""

    configuration: str
    spec: RunSpec
    stored: RunResult
    place: str

    @property
    def label(self) -> str:
        """Its seed, its score and its place."""
        return f"seed {self.spec.seed}: {number(self.stored.score)} ({self.place})"


def choose(results: Results, configuration: str | None, seed: int | str | None) -> list[Chosen]:
    """Return the runs that a configuration (None: the recommended one) and a seed (None: three) name."""
    study = results.study
    found = results.post_evaluation()
    names = {candidate.name: candidate.config_id for candidate in found.candidates}
    if configuration is None:
        recommended = recommend_from(results.trials())(study, found)
        configuration = next(name for name, one in names.items() if one == recommended[0])
    if configuration not in names:
        raise SpecError(
            f"configuration = {configuration!r}: was not evaluated{did_you_mean(configuration, names)}. "
            f"Known: {', '.join(names)}."
        )
    runs = found.rounds.runs[names[configuration]]
    ranked = _ranked(runs, results.store.results(runs.run_ids))
    if not ranked:
        raise StudyError(f"No run of {configuration} is completed.")
    named = places(len(ranked))
    chosen = {
        spec.seed: Chosen(configuration=configuration, spec=spec, stored=stored, place=place)
        for (spec, stored), place in zip(ranked, named, strict=True)
    }
    by_place = {one.place.partition(" ")[0]: one for one in chosen.values()}
    if seed is None:
        return [by_place[place] for place in _LUCK if place in by_place]
    if seed in _LUCK:
        return [by_place.get(str(seed), next(iter(chosen.values())))]
    confirmed = runs_of(study, found)[names[configuration]]
    for spec, stored in _ranked(confirmed, results.store.results(run.run_id for run in confirmed)):
        place = "confirmation"
        chosen.setdefault(
            spec.seed, Chosen(configuration=configuration, spec=spec, stored=stored, place=place)
        )
    if not isinstance(seed, int) or seed not in chosen:
        raise SpecError(
            f"seed = {seed!r}: {configuration} has no completed run with it. Use one of {', '.join(_LUCK)}, or of "
            f"{', '.join(map(str, chosen))}."
        )
    return [chosen[seed]]


def _ranked(runs: Sequence[RunSpec], results: dict[str, RunResult]) -> list[tuple[RunSpec, RunResult]]:
    """Return the completed runs with their results, the highest score first."""
    completed = [
        (run, results[run.run_id])
        for run in runs
        if run.run_id in results and results[run.run_id].status is RunStatus.COMPLETED
    ]
    return sorted(completed, key=lambda pair: -(pair[1].score or 0.0))


def places(n: int) -> list[str]:
    """Return what to call each of n seeds, the best first."""
    found = [f"rank {rank} of {n}" for rank in range(1, n + 1)]
    for rank, name in ((n - 1, "worst"), (n // 2, "median"), (0, "best")):
        found[rank] = f"{name} of {n}"
    return found
