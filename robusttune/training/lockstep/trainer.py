"""What the trainers of all algorithms share: members come, train together, and leave one by one."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from robusttune.training.lockstep.environments import Env, MemberEnvironments
from robusttune.training.lockstep.layout import round_up, width_of
from robusttune.training.lockstep.members import Member, Streams, build_model
from robusttune.training.lockstep.normalisation import NormalisationOptions, Normaliser
from robusttune.training.lockstep.observations import ObservationCodec
from robusttune.training.lockstep.snapshots import Snapshot, restore
from robusttune.training.lockstep.support import group_key, supports

Array = np.ndarray[Any, np.dtype[Any]]


class LockstepTrainer(ABC):
    """Train many members together in one process, each as SB3 would train it alone.

    Parameters
    ----------
    members : sequence of Member
        Equal `group_key`s are required.
    make_env : callable
        Makes one training environment. SB3's Monitor is not needed.
    n_envs : int, default 1
        Training environments per member.
    total_timesteps : int
        As in SB3's `learn`: a lower bound, counted over a member's environments.
    policy : str, default "MlpPolicy"
    device : str, default "cpu"
    normalisation : NormalisationOptions, optional
        Train under VecNormalize, with statistics per member.

    Raises
    ------
    ValueError
        If there are no members, if they cannot be stacked, or if they cannot train in one batch.
    """

    algorithm: ClassVar[type[BaseAlgorithm]]

    def __init__(
        self,
        members: Sequence[Member],
        *,
        make_env: Callable[[], Env],
        total_timesteps: int,
        n_envs: int = 1,
        policy: str = "MlpPolicy",
        device: str = "cpu",
        normalisation: NormalisationOptions | None = None,
    ) -> None:
        if not members:
            raise ValueError("At least one member is needed, but got an empty sequence.")
        name = self.algorithm.__name__.lower()
        keys = [group_key(name, member.hyperparameters) for member in members]
        if any(key != keys[0] for key in keys):
            raise ValueError(
                f"Members of one batch must have equal group keys, but got {set(keys)}; split the batch."
            )
        self.members = tuple(members)
        self.total_timesteps = total_timesteps
        self.n_envs = n_envs
        self.device = torch.device(device)
        self.environments = MemberEnvironments(make_env, [member.seed for member in members], n_envs)
        self.observation_space = self.environments.observation_space
        self.action_space = self.environments.action_space
        for member in members:
            spaces_ = (self.observation_space, self.action_space)
            reason = supports(name, policy, *spaces_, member.hyperparameters)
            if reason is not None:
                raise ValueError(f"{reason} Use trainer='sb3'.")
        self._models, self._streams = self._build(policy)
        self._rows = list(range(len(members)))
        self._codec = ObservationCodec(
            self.observation_space, normalised=normalisation is not None and normalisation.norm_obs
        )
        self._normaliser: Normaliser | None = None
        if normalisation is not None:
            gammas = [float(model.gamma) for model in self._models]
            self._normaliser = Normaliser(normalisation, gammas, self.observation_space.shape or (), n_envs)
        self._gone: dict[int, tuple[Snapshot, Normaliser | None]] = {}
        self._stopping: set[int] = set()
        self._suspects = np.zeros(len(members), dtype=bool)
        self.timesteps = np.zeros(len(members), dtype=np.int64)
        self.diverged = np.zeros(len(members), dtype=bool)
        self._n_updates = [0] * len(members)
        self._inputs = torch.zeros(width_of(len(members)), round_up(n_envs), self._codec.n_features)
        self._setup()

    def _build(self, policy: str) -> tuple[list[Any], list[Streams]]:
        built = [
            build_model(
                self.algorithm,
                policy,
                member,
                self.observation_space,
                self.action_space,
                n_envs=self.n_envs,
                device=self.device,
            )
            for member in self.members
        ]
        return [model for model, _ in built], [streams for _, streams in built]

    @property
    def active(self) -> Array:
        """Whether each member still trains; shape (n_members,)."""
        return np.isin(np.arange(len(self.members)), self._rows)

    def learn(self, on_boundary: Callable[[Self], None] | None = None) -> Self:
        """Train until every member has its timesteps, has diverged or was stopped.

        Parameters
        ----------
        on_boundary : callable, optional
            Called with this trainer after each update: it may read `timesteps`, `active` and `diverged`, call
            `predict`, and `stop` members.
        """
        with torch.no_grad():
            self._begin()
            while self._rows and self.timesteps[self._rows[0]] < self.total_timesteps:
                self._advance()
                self._freeze_diverged()
                if on_boundary is not None:
                    on_boundary(self)
                self._retire(self._stopping)
        return self

    def stop(self, member: int) -> None:
        """Let a member train no further: the others go on without it."""
        if not 0 <= member < len(self.members):
            raise ValueError(f"0 <= member < {len(self.members)} must hold, but got {member=}.")
        self._stopping.add(member)

    def to_sb3(self, member: int) -> Any:
        """Return a member as an ordinary SB3 model: it predicts and saves as if SB3 had trained it.

        It has no environment and, off-policy, no replay buffer; `set_env` gives it the one, `load` the other.
        """
        snapshot = self._gone[member][0] if member in self._gone else self._snapshot(self._rows.index(member))
        steps = int(self.timesteps[member])
        return restore(self._models[member], snapshot, n_timesteps=steps, n_total=self.total_timesteps)

    def vec_normalize(self, member: int, venv: VecEnv) -> VecNormalize:
        """Return SB3's VecNormalize around `venv` with a member's statistics."""
        normaliser, row = self._normaliser_of(member)
        if normaliser is None:
            raise ValueError(
                "These members train without normalisation; there are no statistics to hand out."
            )
        return normaliser.to_sb3(row, venv)

    def _normaliser_of(self, member: int) -> tuple[Normaliser | None, int]:
        return (
            (self._gone[member][1], 0)
            if member in self._gone
            else (self._normaliser, self._rows.index(member))
        )

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
        self._inputs.numpy()[: features.shape[0], : features.shape[1]] = features
        return self._inputs.to(self.device)

    def _freeze_diverged(self) -> None:
        finite = self._finite_rows()
        bad = {self._rows[row] for row in range(len(self._rows)) if self._suspects[row] or not finite[row]}
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
                self._rows = []  # nothing is left to be stacked
        self._stopping.clear()

    def _keep(self, rows: Sequence[int]) -> None:
        """Forget all rows but the chosen ones; subclasses do the same with their own."""
        self._rows = [self._rows[row] for row in rows]
        self._streams = [self._streams[row] for row in rows]
        self._suspects = self._suspects[list(rows)]
        self.environments.keep(rows)
        if self._normaliser is not None:
            self._normaliser.keep(rows)
        self._inputs = torch.zeros(width_of(len(rows)), *self._inputs.shape[1:])

    @abstractmethod
    def _setup(self) -> None:
        """Stack the members' networks and make the buffers."""

    @abstractmethod
    def _begin(self) -> None:
        """Reset the environments."""

    @abstractmethod
    def _advance(self) -> None:
        """Collect experience and update, once."""

    @abstractmethod
    def _finite_rows(self) -> Array:
        """Return, for each row, whether its parameters are finite."""

    @abstractmethod
    def _snapshot(self, row: int) -> Snapshot:
        """Return the numbers of one row."""

    @abstractmethod
    def predict(self, observations: Array, *, deterministic: bool = True) -> Array:
        """Return the actions of all members, those no longer training included.

        Parameters
        ----------
        observations : ndarray, shape (n_members, n, *observation_shape)
            As environments give them; normalised here if training is.

        Returns
        -------
        ndarray, shape (n_members, n, *action_shape)
        """
