"""What an agent of Stable-Baselines3 acts in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, JsonValue
from pydantic.dataclasses import dataclass

from robusttune.declaration.space import STRICT
from robusttune.seeds import MAX_ENVIRONMENTS


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Wrapper:
    """An environment wrapper.

    Attributes
    ----------
    entry_point : str
        Import path: `"gymnasium.wrappers:RescaleAction"`.
    kwargs : mapping
        Its arguments. One that is a function (`func`, or a name that ends in `_fn`) is written as its import path,
        `"my_module:mask"`, or as the name of a method of the environment.
    """

    entry_point: str = Field(pattern=r"^[\w.]+:\w+$")
    kwargs: Mapping[str, JsonValue] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Normalization:
    """Running normalisation of Stable-Baselines3 (`VecNormalize`), with the discount of the configuration.

    Attributes
    ----------
    observations, rewards : bool
        What is normalised; scores are always raw returns.
    """

    observations: bool = True
    rewards: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Atari:
    """Preprocessing of Atari games, as Stable-Baselines3's `make_atari_env` does it (`AtariWrapper`).

    Attributes
    ----------
    noop_max : int
        A game begins after a random number of actions that do nothing, at most so many.
    frame_skip : int
        Frames that an action lasts.
    screen_size : int
        Width and height of the grey frames.
    terminal_on_life_loss : bool
        Whether training takes the loss of a life for the end of an episode; scores are of whole games.
    clip_reward : bool
        Whether training sees only the sign of a reward; scores are of the game's own points.
    action_repeat_probability : float
        Probability that the last action is repeated.
    """

    noop_max: int = Field(default=30, ge=0)
    frame_skip: int = Field(default=4, ge=1)
    screen_size: int = Field(default=84, ge=1)
    terminal_on_life_loss: bool = True
    clip_reward: bool = True
    action_repeat_probability: float = Field(default=0.0, ge=0, le=1)


_ATARI_FRAMES = 4


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class EnvironmentSpec:
    """What the agent acts in.

    Attributes
    ----------
    id : str
        Gymnasium id, for example `"Pendulum-v1"`.
    kwargs : mapping
        Arguments of `gymnasium.make`, or of `envpool.make`.
    wrappers : tuple of Wrapper
        Applied in this order, the first innermost.
    n_envs : int
        Training environments stepped together. A configuration may have a number of its own, the hyperparameter
        `n_envs`.
    atari : Atari, optional
        Preprocessing of an Atari game, inside the wrappers; `true` stands for that of `make_atari_env`, and for
        `frame_stack = 4`. For ids without frame skipping, such as `"BreakoutNoFrameskip-v4"`.
    frame_stack : int, optional
        Observations that the agent sees at once (`VecFrameStack`), stacked before they are normalised.
    normalization : Normalization, optional
        Running normalisation; `true` stands for both kinds.
    engine : {"gymnasium", "envpool"}
        Who steps the environments. `"envpool"` does it in C++, in one batch, for the ids that it has (classic control,
        Box2D, MuJoCo, Atari with `atari`); see docs/environments.md for how its environments compare.
    vec_env : {"dummy", "subproc"}
        Whether environments are stepped one after the other or each in a process of its own (`SubprocVecEnv`), which
        pays for slow ones. Results are the same; part of no id.
    imports : tuple of str
        Modules to import first, if they register the id.
    folder : str, optional
        Where modules are looked for first, relative to the study file; by default its folder. Part of no id.
    """

    LOCAL: ClassVar[tuple[str, ...]] = ("vec_env", "folder")

    id: str = Field(min_length=1)
    kwargs: Mapping[str, JsonValue] = Field(default_factory=dict)
    wrappers: tuple[Wrapper, ...] = ()
    n_envs: int = Field(default=1, ge=1, le=MAX_ENVIRONMENTS)
    atari: Atari | None = None
    frame_stack: int | None = Field(default=None, ge=1)
    normalization: Normalization | None = None
    engine: Literal["gymnasium", "envpool"] = "gymnasium"
    vec_env: Literal["dummy", "subproc"] = Field(default="dummy", exclude=True)
    imports: tuple[str, ...] = ()
    folder: str | None = Field(default=None, exclude=True)

    @property
    def n_stack(self) -> int:
        """Observations that the agent sees at once."""
        return self.frame_stack or (1 if self.atari is None else _ATARI_FRAMES)

    @property
    def n_to_stack(self) -> int:
        """Observations to be stacked around the environments: EnvPool stacks those of Atari itself."""
        return 1 if self.engine == "envpool" and self.atari is not None else self.n_stack
