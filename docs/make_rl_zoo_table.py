"""Write robusttune/declaration/rl_zoo_table.json, RL Zoo's tuned hyperparameters for Gymnasium's own environments.

Run from the root with the folder of rl_zoo3's YAML files and its version: `python -m docs.make_rl_zoo_table
…/rl_zoo3/hyperparams 2.9.2`.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.errors import SpecError
from robusttune.interop.rl_zoo import entry
from robusttune.interop.rl_zoo_files import read_yaml

TARGET = Path(__file__).parents[1] / "robusttune" / "declaration" / "rl_zoo_table.json"
# Of Gymnasium itself: classic control, Box2D and MuJoCo.
_OURS = (
    r"(CartPole|Pendulum|MountainCar|MountainCarContinuous|Acrobot|LunarLander|LunarLanderContinuous|BipedalWalker"
    r"|BipedalWalkerHardcore|CarRacing|Ant|Swimmer|HalfCheetah|Hopper|Humanoid|HumanoidStandup|InvertedDoublePendulum"
    r"|InvertedPendulum|Reacher|Walker2d)-v\d+"
)


def render(folder: Path, version: str) -> str:
    """Return the table: algorithm → environment → what it was tuned with; what we cannot train is left out."""
    table: dict[str, dict[str, object]] = {}
    for path in sorted(folder.glob("*.yml")):
        for environment, values in read_yaml(path).items() if path.stem in ALGORITHMS else ():
            if not re.fullmatch(_OURS, environment):
                continue
            try:
                setting, hyperparameters = entry(path.stem, environment, values)
            except SpecError:
                continue
            own = {
                "hyperparameters": hyperparameters,
                "n_envs": setting.n_envs,
                "timesteps": setting.timesteps,
            }
            more = {"environment": setting.environment_tables} if setting.environment_tables else {}
            table.setdefault(path.stem, {})[environment] = {**own, **more}
    lines = [
        f'"{name}": {{\n' + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in own.items()) + "\n}"
        for name, own in table.items()
    ]
    source = f"rl_zoo3 {version}, hyperparams/*.yml (MIT licence, Antonin Raffin)"
    return f'{{\n"source": {json.dumps(source)},\n' + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    TARGET.write_text(render(Path(sys.argv[1]), sys.argv[2]), encoding="utf-8")
