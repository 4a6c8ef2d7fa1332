"""The checklist for papers, answered from all studies of a matrix: what is equal in all of them is said once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from robusttune.declaration.study import StudySpec
from robusttune.report.prose.checklist import SOURCE as SOURCE_OF_ITEMS
from robusttune.report.prose.checklist import Item
from robusttune.report.prose.checklist_answers import Answer, asked
from robusttune.report.prose.words import count, listed

if TYPE_CHECKING:
    from robusttune.report.matrix.result import MatrixReport


SOURCE = f"An answer that names no study is that of each one. {SOURCE_OF_ITEMS}"


def checklist(report: MatrixReport) -> tuple[Item, ...]:
    """Return every item with its answer; nothing for results that were given, which name no study."""
    told = {one.study.name: one.checklist for one in report.studies if one.checklist}
    if not told:
        return ()
    searches = [one.study for one in report.studies if one.study.searches]
    return tuple(_item(items, list(told), searches) for items in zip(*told.values(), strict=True))


def _item(items: Sequence[Item], names: Sequence[str], searches: Sequence[StudySpec]) -> Item:
    first = items[0]
    own = _OF_THE_MATRIX.get(first.key)
    if own is not None and searches:
        found = own(searches)
        answer, missing = (found, "") if isinstance(found, str) else found
    else:
        answer = _together({name: item.answer for name, item in zip(names, items, strict=True)})
        missing = "; ".join(dict.fromkeys(item.missing for item in items if item.missing))
    return Item(key=first.key, heading=first.heading, answer=answer, missing=missing)


def _together(answers: Mapping[str, str]) -> str:
    """Return what all studies say, or who says what."""
    who: dict[str, list[str]] = {}
    for name, answer in answers.items():
        if answer:
            who.setdefault(answer, []).append(name)
    if len(who) == 1 and len(*who.values()) == len(answers):
        return next(iter(who))
    return " ".join(f"{listed(names)}: {answer}" for answer, names in who.items())


def _setting(_searches: Sequence[StudySpec]) -> Answer:
    return (
        "Every study tunes and tests in one setting. The two stages differ in their seeds: none is in both, as the top "
        "bit of a seed is its stage. Training and evaluation environments have separate streams of random numbers.",
        "whether the domains have test settings of their own, such as held-out levels, and whether results are on them",
    )


def _space(searches: Sequence[StudySpec]) -> str:
    sizes = _together(
        {one.name: f"{count(len(one.search_space.parameters), 'hyperparameter')}." for one in searches}
    )
    return f"{sizes} Each study's paper.tex has the table of its search space."


def _shared(searches: Sequence[StudySpec]) -> Answer:
    ranges: dict[str, list[Any]] = {}
    for study in searches:
        for name, parameter in study.search_space.parameters.items():
            ranges.setdefault(name, []).append(parameter)
    shared = {name: all(one == found[0] for one in found) for name, found in ranges.items() if len(found) > 1}
    if not shared:
        return "No hyperparameter is searched in more than one study."
    equal = [name for name, is_equal in shared.items() if is_equal]
    unequal = [name for name, is_equal in shared.items() if not is_equal]
    told = [
        f"{verb}: {listed(names)}."
        for verb, names in (
            ("Searched in the same range in every study that searches them", equal),
            ("In ranges that differ between studies", unequal),
        )
        if names
    ]
    return " ".join(told), "why their ranges differ" if unequal else ""


def _equal_budget(searches: Sequence[StudySpec]) -> Answer:
    budgets = {study.name: asked(study) for study in searches}
    if len(set(budgets.values())) == 1:
        return f"Yes: the search of each study was given {asked(searches[0])}."
    return _together({name: f"{budget}." for name, budget in budgets.items()}), "why they differ"


_OF_THE_MATRIX: Mapping[str, Callable[[Sequence[StudySpec]], Answer]] = {
    "setting": _setting,
    "space": _space,
    "shared": _shared,
    "equal": _equal_budget,
}
"""What only all studies together can answer, or what each of them would say in its own words."""
