"""Make the stored study that every later version must be able to read: `python tests/data/make_store.py`.

It is made once for each version of the schema, and then stays as it is. Its environment comes from a module that only
this script has.
"""

from __future__ import annotations

import sys
import tempfile
import types
from pathlib import Path

import gymnasium as gym

from robusttune import load_study, run_study
from robusttune.results.schema import SCHEMA_VERSION

FOLDER = Path(__file__).parent / f"store_v{SCHEMA_VERSION}"


def main() -> None:
    """Run the study, with Optuna's part elsewhere."""
    sys.modules["package_that_is_gone"] = types.ModuleType("package_that_is_gone")
    gym.register("Gone-v0", entry_point="gymnasium.envs.classic_control.cartpole:CartPoleEnv")
    with tempfile.TemporaryDirectory() as folder:
        study = load_study(FOLDER / "study.toml")
        run_study(study, out=FOLDER / "results", storage=str(Path(folder) / "optuna.log"), workers=0)
    for path in (FOLDER / "results" / study.name).iterdir():
        if path.name != "study.db":
            path.unlink()


if __name__ == "__main__":
    main()
