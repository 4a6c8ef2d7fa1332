"""Jobs of SLURM, PBS and LSF, made with Dask-Jobqueue."""

from __future__ import annotations

import logging
import shutil
from typing import Any

from robusttune.declaration.cluster import DASK, ClusterSpec
from robusttune.declaration.study import StudySpec
from robusttune.errors import SpecError, StudyError, reason
from robusttune.execution.dask import library

_CLASSES = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster"}
_MARGIN_S = 120
_log = logging.getLogger(__name__)
_SCHEME, _ANY = f"{DASK}://", "<host>:8786"


def open_cluster(cluster: ClusterSpec) -> Any:
    """Start a scheduler in this process, and submit jobs whose workers come to it.

    Raises
    ------
    StudyError
        If jobs cannot be submitted from this machine.
    """
    kind = getattr(library("dask_jobqueue"), _CLASSES[cluster.system])
    command = kind.job_cls.submit_command.split()[0]
    if shutil.which(command) is None:
        raise StudyError(
            f"cluster.system = {cluster.system!r}: the command {command} is not on this machine. Run the study where "
            "jobs are submitted, such as the login node, or start workers yourself and name their scheduler: "
            "`executor` = 'dask://host:port'."
        )
    refusals: list[str] = []
    opened = kind(job_cls=_telling(kind.job_cls, command, refusals), **_options(cluster))
    # One job now even if they are to follow the runs: a table that the system refuses is told before anything waits.
    n_jobs = 1 if cluster.adapt else cluster.jobs
    opened.sync(_submit, opened, n_jobs)
    if len(refusals) == n_jobs:
        opened.close()
        raise StudyError(
            f"cluster.system = {cluster.system!r}: {command} takes no job: {refusals[0]}. Compare the table [cluster] "
            "with what the system allows."
        )
    if cluster.adapt:
        opened.adapt(minimum_jobs=0, maximum_jobs=cluster.jobs)
    return opened


def _telling(job: Any, command: str, refusals: list[str]) -> Any:
    """Return a kind of job that tells in one line that it was refused; Dask would wait for it without a word."""

    class Telling(job):  # type: ignore[misc]
        async def start(self) -> None:
            try:
                await super().start()
            except (RuntimeError, ValueError) as error:
                text = str(error)
                said = reason(ValueError(text.partition("stderr:")[2].strip() or text))
                if said not in refusals:
                    _log.warning("%s has taken no job: %s", command, said)
                refusals.append(said)
                self.status = library("distributed").Status.running  # as far as the cluster is concerned

    return Telling


async def _submit(cluster: Any, n_jobs: int) -> None:
    cluster.scale(jobs=n_jobs)
    await cluster


def study_script(study: StudySpec, executor: str | None = None) -> str:
    """Return the script of one job of a study's `[cluster]`.

    Parameters
    ----------
    study : StudySpec
    executor : str, optional
        The scheduler that its worker goes to, `"dask://host:port"`, instead of what `execution.executor` says.

    Raises
    ------
    SpecError
        If the study declares no cluster.
    """
    cluster = study.cluster
    if cluster is None:
        raise SpecError("cluster: the study has no table [cluster], which says what a job is. Add it.")
    named = study.execution.executor if executor is None else executor
    scheduler = named.removeprefix(_SCHEME) if named.startswith(_SCHEME) else _ANY
    kind = getattr(library("dask_jobqueue"), _CLASSES[cluster.system])
    script: str = kind.job_cls(f"tcp://{scheduler}", name="robusttune", **_options(cluster)).job_script()
    return script


def _options(cluster: ClusterSpec) -> dict[str, Any]:
    """Return a declaration as Dask-Jobqueue has it; what is left out is as its own configuration says."""
    worker = []
    directives = list(cluster.directives)
    options: dict[str, Any] = {}
    if cluster.gpus:
        worker += ["--resources", f"GPU={cluster.gpus}"]
        if cluster.system == "slurm":
            directives.append(f"--gres=gpu:{cluster.gpus}")
        elif cluster.system == "lsf":
            directives.append(f'-gpu "num={cluster.gpus}"')
        else:
            memory = library("dask_jobqueue.pbs").pbs_format_bytes_ceil(
                library("dask.utils").parse_bytes(cluster.memory)
            )
            options["resource_spec"] = f"select=1:ncpus={cluster.cores}:mem={memory}:ngpus={cluster.gpus}"
    if cluster.walltime is not None:
        hours, minutes, rest = map(int, cluster.walltime.split(":"))
        seconds = 3600 * hours + 60 * minutes + rest
        worker += ["--lifetime", f"{max(seconds - _MARGIN_S, seconds // 2)}s"]
        # LSF has hours and minutes only.
        options["walltime"] = cluster.walltime[:-3] if cluster.system == "lsf" else cluster.walltime
    given = {"queue": cluster.queue, "interface": cluster.interface, "python": cluster.python}
    options |= {key: value for key, value in given.items() if value is not None}
    if cluster.account is not None:
        options["project" if cluster.system == "lsf" else "account"] = cluster.account
    return {
        **options,
        "cores": cluster.cores,
        "memory": cluster.memory,
        "processes": 1,  # a worker per job; every run has a process of its own
        "job_name": "robusttune",
        "job_extra_directives": directives,
        "job_script_prologue": list(cluster.prologue),
        "worker_extra_args": worker,
    }
