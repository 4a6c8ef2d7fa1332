"""`robusttune import` and `robusttune export`: results from elsewhere, and configurations for other tools."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robusttune.cli.console import say
from robusttune.cli.options import CHECKED_LATER, Out, Overrides, Storage, StudyFile, Verbose
from robusttune.declaration.algorithms import ALGORITHMS
from robusttune.declaration.files import whole_file
from robusttune.declaration.messages import did_you_mean
from robusttune.declaration.study import StudySpec
from robusttune.declaration.toml import load_study
from robusttune.errors import SpecError
from robusttune.pipeline.location import DEFAULT_OUT, location_of
from robusttune.results.engine import without_password

if TYPE_CHECKING:
    from robusttune.report.model import Ranking

IMPORT_FLAGS = {
    "`algorithm`": "--algo",
    "algorithm =": "--algo",
    "`environment`": "--env",
    "`timesteps`": "--timesteps",
    "`n_envs`": "--n-envs",
    "by `study`": "by --study",
    "study =": "--study",
    "(`meanings`)": "(--meaning)",
    "meaning =": "--meaning",
    "minimized = true": "--minimized",
    "unsafe_pickle = true": "--unsafe-pickle",
    "force = true": "--force",
    "environment =": "--env",
}
EXPORT_FLAGS = {
    "by `study`": "--to-study",
    "study =": "--to-study",
    "configuration =": "--configuration",
    "form =": "FORM",
}
DASHBOARD_FLAGS = {"host =": "--host", "port =": "--port", "another port": "another --port"}

File = Annotated[Path, typer.Option("--file", help="Study file to write.", readable=CHECKED_LATER)]
Algo = Annotated[str | None, typer.Option("--algo", "--algorithm", help=f"{', '.join(ALGORITHMS)}.")]
Env = Annotated[str | None, typer.Option("--env", help="Gymnasium id of the environment.")]
Timesteps = Annotated[int | None, typer.Option("--timesteps", "-n", help="Environment steps of one run.")]
NEnvs = Annotated[int | None, typer.Option("--n-envs", help="Training environments stepped together.")]
Seeds = Annotated[int, typer.Option("--seeds", help="Fresh seeds of each configuration.")]
TopK = Annotated[int, typer.Option("--top-k", "-k", help="How many configurations to take, best first.")]
Force = Annotated[bool, typer.Option(help="Overwrite an existing file.")]


def import_optuna(
    storage: Annotated[
        str, typer.Argument(help="URL, SQLite file, journal file or pickle of Optuna.", metavar="STORAGE")
    ],
    study: Annotated[str | None, typer.Option(help="Which of its studies, if there are several.")] = None,
    file: File = Path("imported.toml"),
    algo: Algo = None,
    env: Env = None,
    timesteps: Timesteps = None,
    n_envs: NEnvs = None,
    top_k: TopK = 10,
    seeds: Seeds = 10,
    meaning: Annotated[
        list[str] | None,
        typer.Option(
            help="What a stored name means: lr=learning_rate, g=1-gamma, n=2**n_steps, unused=. May be repeated."
        ),
    ] = None,
    minimized: Annotated[
        bool, typer.Option("--minimized", help="The objective is a loss; its negative is the score.")
    ] = False,
    unsafe_pickle: Annotated[
        bool, typer.Option("--unsafe-pickle", help="Read a pickle, which may execute any code that is in it.")
    ] = False,
    force: Force = False,
) -> None:
    """Write a study file that evaluates the best trials of an Optuna study on fresh seeds."""
    from robusttune.interop.imports import import_optuna
    from robusttune.interop.study_file import Setting

    spec = import_optuna(
        file,
        storage,
        study=study,
        setting=Setting(algorithm=algo, environment=env, timesteps=timesteps, n_envs=n_envs),
        meanings=meaning or (),
        top_k=top_k,
        n_seeds=seeds,
        minimized=minimized,
        unsafe_pickle=unsafe_pickle,
        force=force,
    )
    _tell(spec, file)


def import_rl_zoo(
    source: Annotated[
        Path, typer.Argument(help="A hyperparameter file, or a folder of trainings.", readable=CHECKED_LATER)
    ],
    env: Env = None,
    algo: Algo = None,
    file: File = Path("imported.toml"),
    timesteps: Timesteps = None,
    n_envs: NEnvs = None,
    top_k: TopK = 10,
    seeds: Seeds = 10,
    force: Force = False,
) -> None:
    """Write a study file that evaluates hyperparameters of RL Zoo, or what it has trained, on fresh seeds."""
    from robusttune.interop.imports import import_rl_zoo
    from robusttune.interop.study_file import Setting

    setting = Setting(algorithm=algo, environment=env, timesteps=timesteps, n_envs=n_envs)
    _tell(import_rl_zoo(file, source, setting=setting, top_k=top_k, n_seeds=seeds, force=force), file)


def export(
    form: Annotated[str, typer.Argument(help="rl-zoo, json, yaml, model-card, or optuna.", metavar="FORM")],
    study: StudyFile,
    configuration: Annotated[
        str | None, typer.Option(help="Its name in the ranking; default: the recommended one.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="File to write; default: the terminal.", readable=CHECKED_LATER),
    ] = None,
    out: Out = Path(DEFAULT_OUT),
    storage: Storage = None,
    overrides: Overrides = None,
    to: Annotated[
        str | None, typer.Option(help="optuna: the storage to write to; default: this study's own.")
    ] = None,
    to_study: Annotated[
        str | None, typer.Option(help="optuna: which study there, if there are several.")
    ] = None,
) -> None:
    """Write a configuration of the stored ranking for other tools, or the ranking to an Optuna study (optuna)."""
    from robusttune.interop.exports import FORMS
    from robusttune.interop.exports import export as exported
    from robusttune.pipeline import rank_study

    forms = (*FORMS, "optuna")
    if form not in forms:
        raise SpecError(f"form = {form!r}: must be one of {', '.join(forms)}{did_you_mean(form, forms)}.")
    spec = load_study(study, overrides=overrides or ())
    ranking = rank_study(spec, out=out, storage=storage)
    if form == "optuna":
        _annotate(ranking, to or location_of(spec, out=out, storage=storage).optuna_storage, to, to_study)
        return
    text = exported(ranking, form, configuration=configuration)
    if file is None:
        typer.echo(text, nl=False)
        return
    try:
        with whole_file(file) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SpecError(f"{file} cannot be written: {error.strerror}.") from None
    say(f"Wrote {file}.")


def dashboard(
    study: StudyFile,
    host: Annotated[str, typer.Option(help="Where to listen; 0.0.0.0 lets other machines in.")] = "localhost",
    port: Annotated[int, typer.Option(help="Port; 0 is any that is free.")] = 8080,
    out: Out = Path(DEFAULT_OUT),
    storage: Storage = None,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Open optuna-dashboard on a study: its search, with the verdicts of the fresh seeds. Ctrl-C ends it."""
    from robusttune.interop.dashboard import serve_dashboard

    spec = load_study(study, overrides=overrides or ())
    with serve_dashboard(spec, out=out, storage=storage, host=host, port=port) as server:
        say(f"{spec.name}: http://{host}:{server.server_port}/dashboard/studies/0  (Ctrl-C ends it)")
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


def _annotate(ranking: Ranking, storage: str, to: str | None, name: str | None) -> None:
    from robusttune.interop.optuna_attributes import write_attributes
    from robusttune.tuning.trials import optuna_study_name

    written = write_attributes(ranking, storage, name if to else optuna_study_name(ranking.study))
    say(
        f"Wrote the ranking to the Optuna study {written}, as user attributes. See it with: optuna-dashboard "
        f"{without_password(storage)}"
    )


def _tell(study: StudySpec, file: Path) -> None:
    n = len(study.post_evaluation.configurations)
    following = shlex.join(["robusttune", "run", str(file)])
    say(f"Wrote {file} (study {study.name}): {n} configuration{'' if n == 1 else 's'}. Next: {following}")
