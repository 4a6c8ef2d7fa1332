"""Batches of trials: asked together, told together, so that the search does not depend on who runs what when."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from optuna.trial import FrozenTrial

from robusttune.declaration.study import StudySpec
from robusttune.training.groups import group_runs
from robusttune.tuning.expected import largest_group
from robusttune.tuning.trials import Trials

_BATCH, _BATCH_SIZE = "batch", "batch_size"


class Batches:
    """The batches of a search, which are marked in its trials.

    Parameters
    ----------
    study : StudySpec
    trials : Trials
    """

    def __init__(self, study: StudySpec, trials: Trials) -> None:
        self._study = study
        self._trials = trials

    def open(self, *, wants_more: Callable[[], bool]) -> list[FrozenTrial]:
        """Return the current batch, with its missing trials asked; empty when the search is over.

        To be called by one process at a time.
        """
        index, size, batch = self._last()
        if len(batch) >= size and all(trial.state.is_finished() for trial in batch):
            if not wants_more():
                return []
            index, size, batch = index + 1, self._next_size(), []
        # A trial cut off before it was marked is the next of this batch.
        loose = [trial for trial in self._trials.running() if _BATCH not in trial.user_attrs]
        while len(batch) < size:
            trial = self._trials.adopt(loose.pop(0).number) if loose else self._trials.ask()
            self._trials.mark(trial, _BATCH_SIZE, size)
            self._trials.mark(trial, _BATCH, index)
            batch.append(trial)
        return batch

    def groups(self, trials: Sequence[FrozenTrial], *, n_workers: int) -> list[list[FrozenTrial]]:
        """Return trials in groups whose runs can train together."""
        by_run: dict[str, FrozenTrial] = {}
        first_runs, copies = [], []
        for trial in trials:
            run = self._trials.runs(trial)[0]
            if run.run_id in by_run:  # equal configurations on equal seeds: it finds the results of the other
                copies.append([trial])
            else:
                by_run[run.run_id] = trial
                first_runs.append(run)
        groups = group_runs(
            first_runs,
            n_workers=n_workers,
            trainer=self._study.trainer,
            largest=largest_group(self._study),
        )
        return [[by_run[run.run_id] for run in group] for group in groups] + copies

    def _last(self) -> tuple[int, int, list[FrozenTrial]]:
        """Return index, wanted size and trials of the last batch; (-1, 0, []) before the first."""
        marked = [trial for trial in self._trials.all() if _BATCH in trial.user_attrs]
        if not marked:
            return -1, 0, []
        index = marked[-1].user_attrs[_BATCH]
        return index, marked[-1].user_attrs[_BATCH_SIZE], [t for t in marked if t.user_attrs[_BATCH] == index]

    def _next_size(self) -> int:
        size, n_trials = self._study.tuning.batch_size, self._study.n_trials
        assert size is not None
        return size if n_trials is None else min(size, n_trials - self._trials.n_finished())
