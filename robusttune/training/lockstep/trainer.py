"""What the trainers of all algorithms share: members come, train together, and leave one by one."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import get_device
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from robusttune.declaration.training.environment import Normalization
from robusttune.training.lockstep.frames import environments_of
from robusttune.training.lockstep.kernels import Env
from robusttune.training.lockstep.layout import Array, FlatLayout
from robusttune.training.lockstep.members import Member, build_model
from robusttune.training.lockstep.normalisation import Normaliser, observations_of
from robusttune.training.lockstep.observations import NetworkInputs, ObservationCodec
from robusttune.training.lockstep.policies import Modes, Policies
from robusttune.training.lockstep.pooled import MakePool
from robusttune.training.lockstep.snapshots import Snapshot, restore, stacked


class LockstepTrainer(ABC):
    """Train many members together in one process, each as SB3 would train it alone.

    Parameters
    ----------
    members : sequence of Member
        Of runs with equal `group_key`s.
    make_env : callable
        Makes one training environment. SB3's Monitor is not needed.
    n_envs : int, default 1
        Training environments per member.
    total_timesteps : int
        As in SB3's `learn`: a lower bound, counted over a member's environments.
    exact : bool, default False
        Shorten the last rollout, so that it is no mere bound.
    device : str, default "cpu"
    normalization : Normalization, optional
        Train under VecNormalize, with statistics per member.
    make_pool : callable, optional
        Makes all training environments at once, instead of `make_env`.
    n_stack : int, default 1
        Observations that networks see at once.
    policy : str, default "MlpPolicy"

    Raises
    ------
    ValueError
        If there are no members.
    """

    algorithm: ClassVar[type[BaseAlgorithm]]

    def __init__(
        self,
        members: Sequence[Member],
        *,
        make_env: Callable[[], Env],
        total_timesteps: int,
        exact: bool = False,
        n_envs: int = 1,
        device: str = "cpu",
        normalization: Normalization | None = None,
        make_pool: MakePool | None = None,
        n_stack: int = 1,
        policy: str = "MlpPolicy",
    ) -> None:
        if not members:
            raise ValueError("At least one member is needed, but got an empty sequence.")
        self.members = tuple(members)
        self.total_timesteps, self.exact = total_timesteps, exact
        self.n_envs = n_envs
        self.device = get_device(device) if device == "auto" else torch.device(device)
        made: dict[str, Any] = {"make_env": make_env, "make_pool": make_pool, "n_stack": n_stack}
        self.environments = environments_of([member.seed for member in members], n_envs, **made)
        spaces = self.environments.observation_space, self.environments.action_space
        self.observation_space, self.action_space = spaces
        common: dict[str, Any] = {"n_envs": n_envs, "device": self.device, "policy": policy}
        built = [build_model(self.algorithm, member, *spaces, **common) for member in members]
        self._models: list[Any] = [model for model, _ in built]
        self._streams = [streams for _, streams in built]
        self._rows = list(range(len(members)))
        self._ready = list(range(len(members)))  # rows that are to begin a rollout
        self._codec = ObservationCodec(
            self.observation_space, normalised=normalization is not None and normalization.observations
        )
        self._normaliser: Normaliser | None = None
        if normalization is not None:
            gammas = [float(model.gamma) for model in self._models]
            self._normaliser = Normaliser(normalization, gammas, self.observation_space.shape or (), n_envs)
        self._gone: dict[int, tuple[Snapshot, Normaliser | None]] = {}
        self._stopping: set[int] = set()
        self._suspects = np.zeros(len(members), dtype=bool)
        self.timesteps = np.zeros(len(members), dtype=np.int64)
        self.diverged = np.zeros(len(members), dtype=bool)
        self.n_updates = [0] * len(members)
        own = {"policy": self._models[0].policy, "device": self.device}
        self._network_inputs = NetworkInputs(self._codec, len(members), n_envs, **own)
        self._setup()

    @property
    def active(self) -> Array:
        """Whether each member still trains; shape (n_members,)."""
        return np.isin(np.arange(len(self.members)), self._rows)

    @property
    def at_boundary(self) -> list[int]:
        """The members that have ended an update and not begun the next rollout."""
        return [self._rows[row] for row in self._ready]

    def _done(self) -> set[int]:
        """Return the members that have their timesteps, and have learnt from the last of them."""
        return {member for member in self.at_boundary if self.timesteps[member] >= self.total_timesteps}

    def learn(self, on_boundary: Callable[[Self], None] | None = None) -> Self:
        """Train until every member has its timesteps, has diverged or was stopped.

        Parameters
        ----------
        on_boundary : callable, optional
            Called with this trainer when a member has ended an update: it may read `at_boundary`, `timesteps`,
            `active` and `diverged`, ask for `policies`, and `stop` members.
        """
        with torch.no_grad():
            self._begin()
            while len(done := self._done()) < len(self._rows):
                self._retire(done)
                self._advance()
                self._freeze_diverged()
                if on_boundary is not None:
                    on_boundary(self)
                self._retire(self._stopping)
        return self

    def stop(self, member: int) -> None:
        """Stop training a member; the others continue."""
        if not 0 <= member < len(self.members):
            raise ValueError(f"0 <= member < {len(self.members)} must hold, but got {member=}.")
        self._stopping.add(member)

    def to_sb3(self, member: int) -> Any:
        """Return a member as an ordinary SB3 model: it predicts and saves as if SB3 had trained it.

        It has no environment and, off-policy, no replay buffer; `set_env` gives it the one, `load` the other.
        """
        snapshot = self._gone[member][0] if member in self._gone else self._snapshot(self._rows.index(member))
        steps, updates, total = int(self.timesteps[member]), self.n_updates[member], self.total_timesteps
        return restore(self._models[member], snapshot, n_timesteps=steps, n_updates=updates, n_total=total)

    def vec_normalize(self, member: int, venv: VecEnv) -> VecNormalize:
        """Return SB3's VecNormalize around `venv` with a member's statistics."""
        normaliser, row = self._normaliser_of(member)
        if normaliser is None:
            raise ValueError("These members train without normalisation; there are no statistics.")
        return normaliser.to_sb3(row, venv)

    def _normaliser_of(self, member: int) -> tuple[Normaliser | None, int]:
        return (
            (self._gone[member][1], 0)
            if member in self._gone
            else (self._normaliser, self._rows.index(member))
        )

    def _freeze_diverged(self) -> None:
        finite = self._finite_rows()
        bad = {self._rows[row] for row in self._ready if self._suspects[row] or not finite[row]}
        self.diverged[list(bad)] = True
        self._retire(bad)

    def _retire(self, leaving: set[int]) -> None:
        rows = [row for row, member in enumerate(self._rows) if member not in leaving]
        if len(rows) < len(self._rows):
            for row, member in enumerate(self._rows):
                if row not in rows:
                    normaliser = copy.deepcopy(self._normaliser)
                    if normaliser is not None:
                        normaliser.keep([row])
                    self._gone[member] = (self._snapshot(row), normaliser)
            if rows:
                self._keep(rows)
            else:
                self._rows, self._ready = [], []  # nothing is left to be stacked
        self._stopping.clear()

    def _keep(self, rows: Sequence[int]) -> None:
        """Forget all rows but the chosen ones; subclasses do the same with their own."""
        self._rows = [self._rows[row] for row in rows]
        self._ready = [place for place, row in enumerate(rows) if row in self._ready]
        self._streams = [self._streams[row] for row in rows]
        self._suspects = self._suspects[list(rows)]
        self.environments.keep(rows)
        if self._normaliser is not None:
            self._normaliser.keep(rows)
        self._network_inputs.keep(len(rows))

    def _n_steps_now(self, n_steps: int, row: int = 0) -> int:
        """Return how many steps each environment takes in the next rollout, of the `n_steps` that are usual."""
        left = self.total_timesteps - int(self.timesteps[self._rows[row]])
        return min(n_steps, -(-left // self.n_envs)) if self.exact else n_steps

    def _parameters_of(
        self, members: Sequence[int], layout: FlatLayout, flat: torch.Tensor, prefix: str = ""
    ) -> torch.Tensor:
        """Return the parameters of some members, given those of the members that still train.

        `prefix` is what the layout's names begin with in snapshots.
        """
        gone, rows = self._gone, self._rows
        found = [gone[member][0] if member in gone else flat[rows.index(member)] for member in members]
        return stacked(found, layout, prefix, self.device)

    def policies(self, members: Sequence[int]) -> Policies:
        """Return the deterministic policies that some members have now, those no longer training included."""
        normalise = observations_of(map(self._normaliser_of, members))
        return Policies(len(members), self._seeing(members), normalise, self._modes(members), self.device)

    def _seeing(self, members: Sequence[int]) -> Callable[[Array], Array]:
        """Return what makes of observations what the networks of some members receive."""
        return self._codec.features

    @abstractmethod
    def _setup(self) -> None:
        """Stack the members' networks and make the buffers."""

    @abstractmethod
    def _begin(self) -> None:
        """Reset the environments."""

    @abstractmethod
    def _advance(self) -> None:
        """Collect experience and update; leave the rows that have ended an update in `_ready`."""

    @abstractmethod
    def _finite_rows(self) -> Array:
        """Return, for each row that has ended an update, whether its parameters are finite; others count as finite."""

    @abstractmethod
    def _snapshot(self, row: int) -> Snapshot:
        """Return the numbers of one row."""

    @abstractmethod
    def _modes(self, members: Sequence[int]) -> Modes:
        """Return what gives the deterministic actions of some members as they are now."""
