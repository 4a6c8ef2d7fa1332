"""Do the libraries that train work together here?"""

from __future__ import annotations

import gymnasium
import numpy as np
import stable_baselines3
import torch


def try_training() -> None:
    """Take a few steps of PPO; an error in loading or in training is raised."""
    # A torch that was built for another NumPy loads, and fails here.
    if torch.from_numpy(np.ones(3)).numpy().sum() != 3:
        raise RuntimeError("torch and NumPy do not understand each other's arrays")
    environment = gymnasium.make("Pendulum-v1")
    stable_baselines3.PPO("MlpPolicy", environment, n_steps=8, batch_size=8, n_epochs=1, device="cpu").learn(
        8
    )


def accelerator() -> str:
    """Say whether torch can use CUDA."""
    if torch.cuda.is_available():
        names = ", ".join(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
        return f"{names}, for `algorithm.hyperparameters.device = 'cuda'`"
    if torch.version.cuda is None:
        return "none; torch is a CPU build, which trains small networks fastest"
    return f"none, though torch was built for CUDA {torch.version.cuda}: its CPU build needs less space"
