"""What JAX has compiled is looked up, and changes no number."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from robusttune.execution.choose import choose_executor
from robusttune.training.compiled import folder_for_compiled
from tests.support.places import ROOT
from tests.support.studies import make_study

SCRIPT = """
import json, sys
import jax
from robusttune.declaration.evaluation import EvaluationSpec
from robusttune.declaration.run import RunSpec
from robusttune.declaration.training.sb3 import AlgorithmSpec, Sb3Training
from robusttune.declaration.training.environment import EnvironmentSpec
from robusttune.training import train
from robusttune.training.compiled import folder_for_compiled

if sys.argv[1] == "something was compiled before":
    jax.jit(lambda x: x + 1)(1.0)
if sys.argv[1] == "off":
    jax.config.update("jax_enable_compilation_cache", False)
heard = []
jax.monitoring.register_event_listener(lambda name, **_: heard.append(name))

def run(seed):
    algorithm = AlgorithmSpec(name="sbx-ppo", total_timesteps=64)
    return RunSpec(
        training=Sb3Training(environment=EnvironmentSpec(id="CartPole-v1"), algorithm=algorithm),
        hyperparameters={"n_steps": 32, "batch_size": 32, "net_arch": [8]},
        evaluation=EvaluationSpec(n_episodes=2), seed=seed, evaluation_seed=seed + 100,
    )

results = train([run(1)])
heard.clear()
results += train([run(2)])
print(json.dumps({
    "errors": [one.error for one in results],
    "returns": [one.episode_returns for one in results],
    "hits": heard.count("/jax/compilation_cache/cache_hits"),
    "misses": heard.count("/jax/compilation_cache/cache_misses"),
    "given": jax.config.jax_compilation_cache_dir,
    "own": folder_for_compiled().name,
}))
"""


def trained(case: str, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, case],
        cwd=ROOT,
        env=dict(os.environ) | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert found["errors"] == [None, None]
    return found


@pytest.mark.slow
def test_a_second_run_compiles_next_to_nothing_and_no_number_changes(tmp_path: Path) -> None:
    pytest.importorskip("sbx")
    without = trained("off")
    assert without["hits"] == 0
    for case in ("", "something was compiled before"):
        found = trained(case)
        assert (found["hits"] > 0, found["misses"]) == (True, 0)
        assert found["returns"] == without["returns"]
        assert Path(found["given"]).parent == Path(found["own"])
        assert not Path(found["own"]).exists()  # gone with its process
    mine = trained("", JAX_COMPILATION_CACHE_DIR=str(tmp_path))
    assert mine["given"] == str(tmp_path)


@pytest.mark.parametrize(("algorithm", "is_compiled"), [("sbx-ppo", True), ("ppo", False)])
def test_workers_are_given_a_folder_where_something_is_compiled(
    algorithm: str, is_compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    monkeypatch.setattr(
        "robusttune.execution.choose.make_executor", lambda *_, prepare, **__: given.append(prepare.args)
    )
    study = make_study({"algorithm.name": algorithm, "algorithm.hyperparameters": {}, "search_space": None})
    choose_executor(study, None, 1)
    assert given == [(study, folder_for_compiled().name if is_compiled else None)]
