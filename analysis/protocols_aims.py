"""What the protocol study was to show, and whether the intervals of reports hold after real searches."""

from __future__ import annotations

import pandas as pd
from scipy import stats

from analysis.markdown import table, wrapped
from analysis.protocols_cells import COMPARATOR, LEVEL, MIXED, SAMPLERS, SINGLE, at, coverage, known

FAILING = ("failing", "failing more often", "mountaincar-256")
"""Landscapes on which seeds fail."""
_INTERVALS = (
    (COMPARATOR, "winner"),
    ("top k, posterior pick", "winner"),
    (MIXED, "winner"),
    ("top k, confirmed", "confirmed"),
    ("mixed, posterior pick, confirmed", "confirmed"),
)


def intervals(rows: pd.DataFrame) -> str:
    """Return the section on the intervals of the pick."""
    places = [(sampler, budget) for sampler in SAMPLERS for budget in (60, 120, 240)]
    head = ("protocol: interval", *(f"{SAMPLERS[sampler]}, {budget}" for sampler, budget in places))
    body = []
    for name, interval in _INTERVALS:
        found = [coverage(rows, *place, name, interval) for place in places]
        body.append(
            (
                f"{name}: {interval}",
                *("–" if one is None else f"{one[0]:.3f} [{one[1]:.2f}]" for one in found),
            )
        )
    about = wrapped(
        "Mean coverage and [that of the worst landscape], where the truth is exact; of the interval that reports "
        "print, from the seeds that chose the pick (*winner*) or from ten that did not (*confirmed*)."
    )
    return f"## Does the 95 % interval of the pick hold the truth?\n\n{about}\n{table(head, body)}\n"


def aims(rows: pd.DataFrame) -> str:
    """Return the section that says what was to be reached, and what was."""
    tables = rows[rows["source"] != "declared"]
    ocba = known(tables, "random", 240, "OCBA")
    pick = known(rows, "tpe", 240, "top k, posterior pick")
    shortlists = {name: known(rows, "tpe", 240, name) for name in ("model", "mixed")}
    best = min(shortlists, key=lambda name: shortlists[name].ratio)
    regret, base = (at(rows, "tpe", 240, name)["regret"] for name in (best, COMPARATOR))
    names = [name for name in FAILING if name in regret.index]
    worst = float((regret[names] / base[names]).max())
    winner = coverage(rows, "tpe", 240, COMPARATOR, "winner")
    assert winner is not None
    grown = _grown(rows, SINGLE)
    lines = (
        (
            "random search of rows, 240 runs: OCBA at most 0.87",
            ocba.ratio <= 0.87,
            f"{ocba!s}, {ocba.n_landscapes} tables",
        ),
        (
            "TPE, 240 runs: posterior pick at most 0.93 and worse on no landscape",
            pick.ratio <= 0.93 and not pick.worse,
            f"{pick!s}, worse on {len(pick.worse)} of {pick.n_landscapes}",
        ),
        (
            "TPE, 240 runs: a shortlist with the model at most 0.85",
            shortlists[best].ratio <= 0.85,
            f"{best} {shortlists[best]!s}",
        ),
        (f"… and at most 1.05 where seeds fail ({', '.join(names)})", worst <= 1.05, f"at most {worst:.2f}"),
        ("winner's interval at 240 runs: 0.95 on average", round(winner[0], 3) >= 0.95, f"{winner[0]:.3f}"),
        ("… and 0.85 on every landscape", winner[1] >= 0.85, f"{winner[1]:.2f} on the worst"),
        (
            "TPE, 60 to 240 runs: the best single seed, believed, gets worse on some landscape",
            bool(grown),
            f"shown on {len(grown)} of {pick.n_landscapes}",
        ),
    )
    body = [(aim, "reached" if is_reached else "**not reached**", found) for aim, is_reached, found in lines]
    return f"## Aims named before the study\n\n{table(('aim', '', 'found'), body)}\n"


def _grown(rows: pd.DataFrame, protocol: str) -> list[str]:
    """Return the landscapes where TPE is shown to lose more at 240 runs than at 60, at 95 % for all together."""
    few, many = (at(rows, "tpe", budget, protocol) for budget in (60, 240))
    error = (few["regret_se"] ** 2 + many["regret_se"] ** 2) ** 0.5
    is_higher = many["regret"] - few["regret"] > stats.norm.ppf(1 - (1 - LEVEL) / 2 / len(few)) * error
    return list(few.index[is_higher])
