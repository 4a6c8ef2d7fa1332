"""What is trained is one union: a new member is one class and one entry, and nothing else asks which it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from robusttune.declaration.study import StudySpec
from robusttune.declaration.training import kinds, tables
from robusttune.errors import SpecError

# A coin whose bias is searched. It is trained by the module that this script is.
SCRIPT = """
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Union

from pydantic import Field, JsonValue
from pydantic.dataclasses import dataclass

from robusttune.declaration import training
from robusttune.declaration.space import STRICT
from robusttune.declaration.training.base import TrainerSpec, TrainingBase


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class CoinTraining(TrainingBase):
    TABLES: ClassVar[tuple[str, ...]] = ("coin",)
    TRAINERS: ClassVar[tuple[TrainerSpec, ...]] = (TrainerSpec(name="toss", module="__main__"),)
    IN_MEMORY: ClassVar[bool] = True

    kind: Literal["coin"] = "coin"
    total_timesteps: int = 10
    hyperparameters: Mapping[str, JsonValue] = Field(default_factory=dict)
    heads: float

    @property
    def title(self) -> str:
        return "A coin"


training.Training = Annotated[Union[(*training.kinds().values(), CoinTraining)], Field(discriminator="kind")]

from robusttune import load_study, rank_study, run_study, simulate_study
from robusttune.errors import SpecError
from robusttune.results.records import CurvePoint, RunStatus
from robusttune.training.interfaces import make_result


def train(specs, stop_rule):
    results = []
    for spec in specs:
        score = spec.training.heads * spec.hyperparameters["bias"] + spec.seed % 1000 / 1e6
        point = CurvePoint(index=0, timesteps=10, n_updates=0, mean_return=score)
        results.append(make_result(spec, RunStatus.COMPLETED, episode_returns=[score], curve=[point]))
    return results


folder = Path(sys.argv[1])
study = load_study(folder / "study.toml")
ranking = run_study(study, out=folder)
assert rank_study(study, out=folder).to_frame().equals(ranking.to_frame())
assert simulate_study(study).trials == ranking.trials
assert "A coin, 10 timesteps; 4 fresh seeds" in ranking.caption, ranking.caption
assert ranking.provenances[0]["trainer"] == "toss"
for wrong, message in (
    ("coin.haeds=1", "coin.haeds: unknown key (did you mean 'heads'?)"),
    ("environment.id=x", "coin: a study trains one thing, but [environment] declares another"),
    ("execution.trainer=sb3", "A coin is trained by one of auto, toss"),
):
    try:
        load_study(folder / "study.toml", overrides=[wrong])
    except SpecError as error:
        assert message in str(error), error
    else:
        raise AssertionError(wrong)
print("done")
"""
STUDY = """
name = "coin"
coin.heads = 2.0
search_space.parameters.bias = {type = "float", low = 0.0, high = 1.0}
tuning = {n_trials = 5, sampler = "random"}
post_evaluation = {top_k = 2, n_seeds = 4, default_control = false}
"""


@pytest.mark.thorough
def test_a_new_member_is_one_class_and_one_entry(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py"), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": "/usr/bin:/bin"},
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


MINIMAL = {
    "sb3": {"environment": {"id": "CartPole-v1"}, "algorithm": {"name": "ppo", "total_timesteps": 9}},
    "function": {"function": {"entry_point": "my_module:train", "total_timesteps": 9}},
    "command": {"command": {"run": "python a.py {seed} {gamma}", "score": {"pattern": "(.*)"}}},
    "synthetic": {"synthetic": {"sd": 2.0}},
    "tabular": {"tabular": {"path": "table.csv"}},
}


@pytest.mark.parametrize("kind", kinds())
def test_every_kind_is_declared_by_its_own_tables_and_tells_the_rest_what_it_is(kind: str) -> None:
    document = {"name": "one", "tuning": {"n_trials": 1}, **MINIMAL[kind]}
    if kind == "command":
        document["search_space"] = {"parameters": {"gamma": {"type": "float", "low": 0.1, "high": 0.9}}}
    study = StudySpec.from_dict(document)
    assert study.training.kind == kind
    assert study.training.caption.startswith(study.training.title)
    assert study.training.caption.endswith(f"{study.training.total_timesteps:,} timesteps") or kind in (
        "function",
        "command",
    )
    assert study.training.snippet({"gamma": 0.9})
    assert study.training.bare().hyperparameters == {}
    written = study.to_dict()
    assert set(MINIMAL[kind]) == set(written) & set(tables())
    assert StudySpec.from_dict(json.loads(json.dumps(written))) == study


def test_a_study_that_trains_nothing_or_two_things_is_an_error() -> None:
    document = {"name": "one", "tuning": {"n_trials": 1}}
    with pytest.raises(SpecError, match=r"what is trained is missing.*\[environment\], \[algorithm\]"):
        StudySpec.from_dict(document)
    for extra in ({"synthetic": {}, "tabular": {}}, {"synthetic": {}, "algorithm": {"name": "ppo"}}):
        with pytest.raises(SpecError, match="a study trains one thing"):
            StudySpec.from_dict({**document, **extra})
    with pytest.raises(SpecError, match=r"synthetc: unknown key \(did you mean 'synthetic'\?\)"):
        StudySpec.from_dict({**document, "synthetc": {}})
