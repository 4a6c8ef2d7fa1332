"""A configuration and what is known of it: as a document, and as a Hugging Face model card."""

from __future__ import annotations

from typing import Any

import yaml

from robusttune.declaration.training.sb3 import Sb3Training
from robusttune.report.model import Ranking, Row
from robusttune.report.write import to_markdown


def configuration_document(ranking: Ranking, row: Row) -> dict[str, Any]:
    """Return a configuration and what is known of it; the number of the recommended one allows for its choice."""
    recommended = row.name == ranking.analysis.recommended
    number = ranking.analysis.confirmed.get(row.name) or (
        ranking.analysis.winner if recommended else row.analysis.mean
    )
    study = ranking.study.to_dict()
    return {
        "study": ranking.study.name,
        "configuration": row.name,
        "recommended": recommended,
        **{key: study[key] for key in ranking.study.training.TABLES},
        "hyperparameters": dict(row.candidate.hyperparameters),
        "fresh_seeds": {
            "mean": number.estimate,
            "low": number.low,
            "high": number.high,
            "level": ranking.analysis.level,
            "n_seeds": number.n,
            "n_diverged": row.runs.n_diverged,
        },
        "tuning_score": row.candidate.tuning_score,
        "verdict": row.verdict,
        "best_set": list(ranking.analysis.best_set),
    }


def model_card(ranking: Ranking, row: Row) -> str:
    """Return the text of a Hugging Face model card, whose numbers are those of fresh seeds."""
    found, training = configuration_document(ranking, row), ranking.study.training
    fresh, n_timesteps = found["fresh_seeds"], training.timesteps(row.candidate.hyperparameters)
    number = f"{fresh['mean']:.6g} [{fresh['low']:.6g}, {fresh['high']:.6g}]"
    metric = {"type": "mean_reward", "name": "mean_reward", "value": fresh["mean"], "verified": False}
    result: dict[str, Any] = {"metrics": [metric], "task": {"type": "reinforcement-learning"}}
    tags = ["reinforcement-learning", "robusttune"]
    library = {}
    if isinstance(training, Sb3Training):
        result["dataset"] = {"name": training.environment.id, "type": training.environment.id}
        tags = [training.environment.id, "deep-reinforcement-learning", "stable-baselines3", *tags]
        library = {"library_name": "stable-baselines3"}
    index = [{"name": ranking.study.name, "results": [result]}]
    head = yaml.safe_dump({**library, "tags": tags, "model-index": index}, sort_keys=False)
    score = found["tuning_score"]
    told = "" if score is None else f"\n\nIts tuning score was {score:.6g}: {row.verdict}."
    diverged = f" {fresh['n_diverged']} runs diverged." if fresh["n_diverged"] else ""
    return (
        f"---\n{head}---\n\n# {training.title}: {row.name} of {ranking.study.name}\n\n"
        f"Trained {n_timesteps:,} {training.UNIT}, this configuration scores **{number}** on average over "
        f"{fresh['n_seeds']} seeds that tuning never saw ({fresh['level']:.0%} interval).{diverged} The number is "
        "that of the configuration, over retrainings; one saved policy is one of them, and may be better or worse."
        f"{told}\n\n## Code\n\n```python\n{training.snippet(row.candidate.hyperparameters)}\n```\n\n"
        f"## Ranking\n\n{to_markdown(ranking)}"
    )
