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

from robusttune.declaration.training.sb3 import Normalization
from robusttune.training.lockstep.environments import MemberEnvironments
from robusttune.training.lockstep.kernels import Env
from robusttune.training.lockstep.layout import Array, FlatLayout, round_up, width_of
from robusttune.training.lockstep.members import Member, build_model
from robusttune.training.lockstep.normalisation import Normaliser
from robusttune.training.lockstep.observations import ObservationCodec
from robusttune.training.lockstep.snapshots import Snapshot, restore


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
    ) -> None:
        if not members:
            raise ValueError("At least one member is needed, but got an empty sequence.")
        self.members = tuple(members)
        self.total_timesteps, self.exact = total_timesteps, exact
        self.n_envs = n_envs
        self.device = get_device(device) if device == "auto" else torch.device(device)
        self.environments = MemberEnvironments(make_env, [member.seed for member in members], n_envs)
        spaces = self.environments.observation_space, self.environments.action_space
        self.observation_space, self.action_space = spaces
        built = [
            build_model(self.algorithm, member, *spaces, n_envs=n_envs, device=self.device)
            for member in members
        ]
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
        self._inputs = torch.zeros(width_of(len(members)), round_up(n_envs), self._codec.n_features)
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
            `active` and `diverged`, call `predict`, and `stop` members.
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
        if member in self._gone:
            return self._gone[member][1], 0
        return self._normaliser, self._rows.index(member)

    def _features_of_all(self, observations: Array) -> torch.Tensor:
        """Return network inputs for raw observations of all members; shape (width, padded n, n_features)."""
        n_members, n = observations.shape[:2]
        inputs = torch.zeros(width_of(n_members), round_up(n), self._codec.n_features)
        for member in range(n_members):
            normaliser, row = self._normaliser_of(member)
            raw = observations[member]
            if normaliser is not None:
                raw = normaliser.observations_of(row, raw)
            inputs[member, :n] = torch.from_numpy(self._codec.features(raw))
        return inputs.to(self.device)

    def _network_inputs(self, observations: Array) -> torch.Tensor:
        """Return network inputs for (normalised) observations of shape (n_members, n_envs, *shape)."""
        features = self._codec.features(observations)
        inputs = self._inputs[: width_of(features.shape[0])]
        inputs.numpy()[: features.shape[0], : features.shape[1]] = features
        return inputs.to(self.device)

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
        self._inputs = torch.zeros(width_of(len(rows)), *self._inputs.shape[1:])

    def _n_steps_now(self, n_steps: int, row: int = 0) -> int:
        """Return how many steps each environment takes in the next rollout, of the `n_steps` that are usual."""
        left = self.total_timesteps - int(self.timesteps[self._rows[row]])
        return min(n_steps, -(-left // self.n_envs)) if self.exact else n_steps

    def _column(self, numbers: Sequence[float]) -> torch.Tensor:
        """Return one number per row, shape (width, 1); the empty row gets zero."""
        column = torch.zeros(width_of(len(numbers)), 1)
        column[: len(numbers), 0] = torch.tensor([float(number) for number in numbers], dtype=torch.float64)
        return column.to(self.device)

    def _of_everyone(self, layout: FlatLayout, flat: torch.Tensor, prefix: str = "") -> torch.Tensor:
        """Return the parameters of all members, given those of the members that still train.

        `prefix` is what the layout's names begin with in snapshots.
        """
        whole = torch.zeros(width_of(len(self.members)), layout.size, device=self.device)
        whole[self._rows] = flat[: len(self._rows)]
        for member, (snapshot, _) in self._gone.items():
            for name in layout.slots:
                layout.view(whole, name)[member].copy_(snapshot.weights[prefix + name])
        return whole

    def predict(self, observations: Array) -> Array:
        """Return the deterministic actions of all members, those no longer training included.

        Parameters
        ----------
        observations : ndarray, shape (n_members, n, *observation_shape)
            As environments give them; normalised here if training is.

        Returns
        -------
        ndarray, shape (n_members, n, *action_shape)
        """
        with torch.no_grad():
            actions = self._modes(self._features_of_all(observations))
        return actions[: len(self.members), : observations.shape[1]]

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
    def _modes(self, inputs: torch.Tensor) -> Array:
        """Return all members' deterministic actions, as environments take them, for inputs of `_features_of_all`."""
