"""`robusttune play`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from robusttune.cli.console import say
from robusttune.cli.options import CHECKED_LATER, Out, Overrides, Storage, StudyFile, Verbose, seed_of
from robusttune.declaration.toml import load_studies
from robusttune.pipeline.location import DEFAULT_OUT

PLAY_FLAGS = {
    "configuration =": "--config",
    "seed =": "--seed",
    "video =": "--video",
    "`video`": "--video",
}


def play(
    study: StudyFile,
    config: Annotated[
        str | None,
        typer.Option(
            "--config", "--configuration", help="Name in the ranking. Default: the recommended one."
        ),
    ] = None,
    seed: Annotated[
        str | None,
        typer.Option(
            help="best, median, worst, or one of its seeds. Default: the first three, side by side."
        ),
    ] = None,
    video: Annotated[
        Path | None,
        typer.Option(help="An .mp4 file to write. Default: a window for each.", readable=CHECKED_LATER),
    ] = None,
    episodes: Annotated[int, typer.Option(min=1, help="Episodes of each.")] = 1,
    retrain: Annotated[
        bool, typer.Option("--retrain", help="Train again what was stored without its policy, and keep it.")
    ] = False,
    out: Out = Path(DEFAULT_OUT),
    storage: Storage = None,
    overrides: Overrides = None,
    verbose: Verbose = False,
) -> None:
    """Play the best, the median and the worst seed of the recommended configuration: the picture of luck."""
    from robusttune.pipeline.policies import play_study
    from robusttune.report.prose.words import number

    studies = load_studies(study, overrides=overrides or ())
    for spec in studies:
        target = video if video is None or len(studies) == 1 else video.with_stem(f"{video.stem}-{spec.name}")
        played = play_study(
            spec,
            configuration=config,
            seed=seed_of(seed),
            video=target,
            n_episodes=episodes,
            retrain=retrain,
            out=out,
            storage=storage,
        )
        for one in played:
            returns = ", ".join(map(number, one.episode_returns))
            say(f"{spec.name}, {one.configuration}, {one.label}; played: {returns}")
            if one.warning is not None:
                say(one.warning, style="yellow")
        if target is not None:
            say(f"Video: {target}")
