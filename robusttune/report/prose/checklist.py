"""The checklist for papers with tuned hyperparameters, answered from what a study has stored.

The items are those of Eimer, Lindauer and Raileanu, "Hyperparameters in Reinforcement Learning and How To Tune Them",
ICML 2023 (arXiv:2306.01324), in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from robusttune.report.prose import checklist_answers as answers
from robusttune.report.prose import given_checklist
from robusttune.report.prose.checklist_answers import Answer

if TYPE_CHECKING:
    from robusttune.report.model import Ranking

SOURCE = (
    "Checklist of T. Eimer, M. Lindauer, R. Raileanu, Hyperparameters in Reinforcement Learning and How To Tune Them, "
    "ICML 2023, arXiv:2306.01324."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One item of the checklist.

    Attributes
    ----------
    key : str
        Short name.
    heading : str
    answer : str
        Full sentences, from the results database.
    missing : str
        What it cannot know, to be filled in; empty where nothing is.
    """

    key: str
    heading: str
    answer: str
    missing: str = ""


_ITEMS: Mapping[str, tuple[str, Callable[[Ranking], Answer]]] = {
    "setting": ("Training and test setting", answers.setting),
    "package": ("Package and method of tuning", answers.package),
    "space": ("Search space", answers.space),
    "shared": ("Same search space wherever algorithms share hyperparameters", answers.shared_space),
    "metric": ("Cost metric", answers.metric),
    "budget": ("Tuning budget", answers.budget),
    "equal": ("Same budget for all tuned methods", answers.equal_budget),
    "hardware_equal": ("Comparable hardware, if the budget is a time", answers.comparable),
    "all_tuned": ("All reported methods tuned like this", answers.all_tuned),
    "tuned_on": ("Tuning seeds", answers.tuned_on),
    "tested_on": ("Test seeds", answers.tested_on),
    "on_test_seeds": ("All results on test seeds", answers.on_test_seeds),
    "incumbents": ("Final incumbent configurations", answers.incumbents),
    "code": ("Code", answers.code),
    "process": ("Code includes the tuning process", answers.process),
    "environment": ("Exact software environment", answers.environment),
    "hardware": ("Hardware and compute time", answers.hardware),
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
    return Item(key=key, heading=heading, answer=answer, missing=missing)
