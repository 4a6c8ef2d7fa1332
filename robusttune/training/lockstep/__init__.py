"""Train many seeds of one configuration in one process, each as Stable-Baselines3 would train it alone."""

from robusttune.training.lockstep.a2c import LockstepA2C
from robusttune.training.lockstep.dqn import LockstepDQN
from robusttune.training.lockstep.members import Member
from robusttune.training.lockstep.normalisation import NormalisationOptions
from robusttune.training.lockstep.ppo import LockstepPPO
from robusttune.training.lockstep.sac import LockstepSAC
from robusttune.training.lockstep.support import group_key, supports
from robusttune.training.lockstep.td3 import LockstepDDPG, LockstepTD3
from robusttune.training.lockstep.trainer import LockstepTrainer

__all__ = [
    "LockstepA2C",
    "LockstepDDPG",
    "LockstepDQN",
    "LockstepPPO",
    "LockstepSAC",
    "LockstepTD3",
    "LockstepTrainer",
    "Member",
    "NormalisationOptions",
    "group_key",
    "supports",
]
