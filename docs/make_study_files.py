"""Write docs/study-files.md from the docstrings of the types that study files become.

Run from the root: `python -m docs.make_study_files`. A test compares the file with what this makes.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.allocation import AllocationSpec
from robusttune.declaration.cluster import ClusterSpec
from robusttune.declaration.evaluation import EvaluationSpec
from robusttune.declaration.hyperparameters import ACTIVATIONS
from robusttune.declaration.matrix import MatrixReportSpec
from robusttune.declaration.post_evaluation import Configuration, Control, PostEvaluationSpec
from robusttune.declaration.presets import PRESET_NAMES
from robusttune.declaration.space import Categorical, Float, Int
from robusttune.declaration.study import ExecutionSpec, StudySpec
from robusttune.declaration.training.command import CommandScore, CommandTraining
from robusttune.declaration.training.environment import Atari, EnvironmentSpec, Normalization, Wrapper
from robusttune.declaration.training.function import FunctionTraining
from robusttune.declaration.training.sb3 import AlgorithmSpec
from robusttune.declaration.training.synthetic import Effect, SyntheticTraining
from robusttune.declaration.training.tabular import TabularTraining
from robusttune.declaration.tuning import PRUNER_OPTIONS, SAMPLER_OPTIONS, TuningSpec

TARGET = Path(__file__).with_name("study-files.md")

_TABLES: tuple[tuple[str, type], ...] = (
    ("`[matrix.report]`", MatrixReportSpec),
    ("Top level", StudySpec),
    ("`[environment]`", EnvironmentSpec),
    ("`[environment.atari]`, or `atari = true`", Atari),
    ("`[environment.normalization]`, or `normalization = true`", Normalization),
    ("`environment.wrappers`: import paths, or tables", Wrapper),
    ("`[algorithm]`", AlgorithmSpec),
    ("`[function]`, instead of `[environment]` and `[algorithm]`", FunctionTraining),
    ("`[command]`, instead of `[environment]` and `[algorithm]`", CommandTraining),
    ("`[command.score]`", CommandScore),
    ("`[synthetic]`, instead of `[environment]` and `[algorithm]`", SyntheticTraining),
    ("`[synthetic.effects.<hyperparameter>]`", Effect),
    ("`[tabular]`, instead of `[environment]` and `[algorithm]`", TabularTraining),
    ('`[search_space.parameters]`, `type = "float"`', Float),
    ('`[search_space.parameters]`, `type = "int"`', Int),
    ('`[search_space.parameters]`, `type = "categorical"`', Categorical),
    ("`[tuning]`", TuningSpec),
    ("`[evaluation]`", EvaluationSpec),
    ("`[post_evaluation]`", PostEvaluationSpec),
    ("`[post_evaluation.allocation]`, or `allocation` = the name of the rule", AllocationSpec),
    ("`[[post_evaluation.configurations]]`", Configuration),
    ("`[[post_evaluation.controls]]`", Control),
    ("`[execution]`", ExecutionSpec),
    ("`[cluster]`; see [clusters.md](clusters.md)", ClusterSpec),
)

_HEAD = f"""# Study files

A study is declared in TOML. Unknown keys, wrong types and impossible combinations are errors that name the place,
the rule, the value and the nearest valid name: `robusttune check study.toml`. Any value can be replaced for one
command: `--set tuning.n_trials=4`. This page is generated from the source by `python -m docs.make_study_files`.

`algorithm.name` is one of {", ".join(f"`{name}`" for name in ALGORITHMS)}. `activation_fn` is one of
{", ".join(f"`{name}`" for name in ACTIVATIONS)}.

Those of SB3 Contrib need `pip install 'robusttune[contrib]'`, those of SBX, which are Stable-Baselines3's in JAX,
`pip install 'robusttune[sbx]'`. `maskableppo` needs an environment with a method `action_masks`, or sb3_contrib's
wrapper `ActionMasker`; `recurrentppo` calls MlpPolicy its MlpLstmPolicy; `ars` trains whole episodes in one
environment, so that its timesteps are at least those asked for. With `replay_buffer = "her"` algorithms with a replay
buffer learn from goals that they have reached by chance (`n_sampled_goal`, `goal_selection_strategy`): for
environments with goals, with `policy = "MultiInputPolicy"`, and `learning_starts` no less than an episode.

A class by its import path (`name = "my_module:MyPPO"`) must follow Stable-Baselines3's interface. Its hyperparameters
are the arguments of its constructor, and of the constructor that it extends where it has `**kwargs`; unknown names
are refused only where it has none. It is on-policy if it extends OnPolicyAlgorithm. When a study is read without its
code, names that policies of the algorithms above have are taken for its policy's. Presets are for the algorithms
above.

`search_space.preset` takes a named space ({", ".join(f"`{name}`" for name in PRESET_NAMES)}); ranges under
`[search_space.parameters]` and values under `[algorithm.hyperparameters]` take precedence over it. A range without
`type` changes what it names of the preset's: `gamma = {{ high = 0.999 }}`. `rl-zoo` has the ranges of RL Zoo with its
mistakes mended: batch sizes from 32 as its comments say, where its code draws from 4 (PPO keeps 4); no range that
depends on another draw (`gradient_steps`, `top_quantiles_to_drop_per_net`, `n_top`); ARS's learning rate up to 0.1,
for RL Zoo's range excludes ARS's default; `exploration_fraction` above 0, where its schedule divides by zero; CrossQ
as SAC without `tau`. Hyperparameters have Stable-Baselines3's names, those of the policy (`net_arch`,
`activation_fn`, …) included; `noise_type` and `noise_std` describe an action noise, and `"lin_3e-4"` is a learning
rate that falls linearly to 0.

## `[matrix]`

Declares one study per combination of values, and `robusttune run` and `report` then also write a report across them:

```toml
[matrix]
algorithm.name = ["ppo", "a2c"]

[[matrix.study]] # tables of the axis `study` may set anything; `name` is what the task is called
name = "pendulum"
environment.id = "Pendulum-v1"
algorithm.total_timesteps = 40_000

[[matrix.study]]
name = "cartpole"
environment.id = "CartPole-v1"
algorithm.total_timesteps = 20_000

[matrix.report]
target = 1.0
reference.pendulum = {{ low = -1500.0, high = -150.0 }}
reference.cartpole = {{ low = 20.0, high = 500.0 }}
```

Several tasks are compared by IQM, median, mean, optimality gap, probability of improvement and performance profiles of
normalised scores; several studies on one task by one ranking of all their candidates. In the comparison over tasks a
method is a value of the other axes with what each study recommends there (`ppo tuned`), or with a control
(`ppo default`). What that means: [statistics.md](statistics.md#many-environments).

A method that differs in several keys is a table of the axis `method`, which may set anything, too:

```toml
[[matrix.method]]
name = "dqn"
algorithm.name = "dqn"
search_space.parameters.batch_size = {{ high = 128 }}
```
"""


def render() -> str:
    """Return the page."""
    parts = [_HEAD]
    for title, kind in _TABLES:
        parts.append(
            f"## {title}\n\n{_summary(kind)}\n\n| key | type | default | meaning |\n| --- | --- | --- | --- |"
        )
        parts += [_row(field, _attributes(kind)) for field in dataclasses.fields(kind) if _is_key(field)]
        parts.append("")
    parts.append("## Options of samplers and pruners\n")
    for key, options in (("sampler_options", SAMPLER_OPTIONS), ("pruner_options", PRUNER_OPTIONS)):
        parts += [f"- `{key}` of `{name}`: {_listed(names)}" for name, names in options.items()]
    return "\n".join(parts) + "\n"


def _is_key(field: dataclasses.Field[Any]) -> bool:
    """Whether a field is a key of its own table, and not a tag or a table that comes further down."""
    return field.name not in ("type", "kind") and not str(field.type).removesuffix(" | None").endswith(
        ("Spec", "SearchSpace", "Training")
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


def _summary(kind: type) -> str:
    return (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ")


def _attributes(kind: type) -> dict[str, tuple[str, str]]:
    """Return name → (type as documented, meaning) from the numpydoc section."""
    section = (inspect.getdoc(kind) or "").partition("Attributes\n----------\n")[2]
    found: dict[str, tuple[str, str]] = {}
    for block in re.split(r"\n(?=\S)", section):
        head, _, body = block.partition("\n")
        names, _, shown = head.partition(" : ")
        meaning = " ".join(line.strip() for line in body.splitlines())
        found.update({name.strip(): (shown, meaning) for name in names.split(",")})
    return found


def _row(field: dataclasses.Field[Any], attributes: dict[str, tuple[str, str]]) -> str:
    shown, meaning = attributes.get(field.name, ("", ""))
    shown = shown or str(field.type).replace("|", "or")
    return (
        f"| `{field.name}` | {shown.replace('|', 'or')} | {_default(field)} | {meaning.replace('|', 'or')} |"
    )


def _default(field: dataclasses.Field[Any]) -> str:
    value = getattr(field.default, "default", field.default)
    factory = getattr(field.default, "default_factory", None) or field.default_factory
    if factory is not dataclasses.MISSING and factory is not None:
        return "empty" if factory in (dict, list) else "its defaults"
    if value is dataclasses.MISSING or type(value).__name__ == "PydanticUndefinedType":
        return "required"
    if value in (None, "", ()):
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
