"""Jobs of a batch system, in which runs are carried out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from robusttune.declaration.space import STRICT

LOCAL, DASK = "local", "dask"
_SCHEME = f"{DASK}://"


def _known(value: str) -> str:
    host, _, port = value.removeprefix(_SCHEME).rpartition(":")
    if value in (LOCAL, DASK) or (value.startswith(_SCHEME) and host and port.isdecimal()):
        return value
    raise PydanticCustomError(
        "executor", "must be '{local}', '{dask}' or 'dask://host:port'", {"local": LOCAL, "dask": DASK}
    )


ExecutorName = Annotated[str, AfterValidator(_known)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ClusterSpec:
    """Jobs of a batch system, for `executor = "dask"`; changes no result.

    Each job carries out as many runs at a time as it has cores or, with `gpus`, as it has GPUs. What it leaves open is
    as Dask-Jobqueue's own configuration has it.

    Attributes
    ----------
    system : {"slurm", "pbs", "lsf"}
        Which batch system.
    cores : int
        Of one job.
    memory : str
        Of one job: `"16GB"`.
    gpus : int
        Of one job; each run then has a GPU of its own.
    walltime : str, optional
        After which a job ends, `"HH:MM:SS"`. Two minutes before, it hands its runs back, and they begin again in
        another job.
    queue : str, optional
        Queue or partition.
    account : str, optional
        Account or project that pays.
    jobs : int
        How many jobs there are at a time.
    adapt : bool
        Submit jobs only while there are runs for them, up to `jobs`, and end idle ones.
    directives : tuple of str
        Further options of the batch system: `"-C avx2"`.
    prologue : tuple of str
        Lines of the job script before the worker starts: `"module load python"`.
    interface : str, optional
        Network interface by which jobs and this process reach each other: `"ib0"`.
    python : str, optional
        Interpreter of the jobs; by default that of this process.
    """

    system: Literal["slurm", "pbs", "lsf"]
    cores: int = Field(ge=1)
    memory: str = Field(pattern=r"^\d+(\.\d+)? ?[kKMGT]i?B$")
    gpus: int = Field(default=0, ge=0)
    walltime: str | None = Field(default=None, pattern=r"^\d{1,3}:[0-5]\d:[0-5]\d$")
    queue: str | None = None
    account: str | None = None
    jobs: int = Field(default=1, ge=1)
    adapt: bool = False
    directives: tuple[str, ...] = ()
    prologue: tuple[str, ...] = ()
    interface: str | None = None
    python: str | None = None

    @property
    def n_runs(self) -> int:
        """How many runs all jobs carry out at a time."""
        return self.jobs * (self.gpus or self.cores)
