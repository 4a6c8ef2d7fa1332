from __future__ import annotations

import dataclasses
import math
import multiprocessing
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robusttune.declaration.run import RunSpec
from robusttune.declaration.study_runs import tuning_runs
from robusttune.errors import SpecError, StudyError
from robusttune.results import claims as claims_module
from robusttune.results import patience, schema
from robusttune.results.claims import Claims
from robusttune.results.engine import sqlite_url
from robusttune.results.memory import MemoryStore
from robusttune.results.records import Cost, CurvePoint, RunResult, RunStatus, TrialRecord, TrialState
from robusttune.results.store import ResultStore, StoredStudy
from robusttune.seeds import Stage
from robusttune.tuning.storage import open_storage
from tests.support.studies import make_study, stored_specs, synthetic_result

DATA = Path(__file__).parents[2] / "data"
STUDY = make_study()
SPAWN = multiprocessing.get_context("spawn")


def run(number: int = 0) -> RunSpec:
    return tuning_runs(STUDY, {"gamma": 0.99}, number)[0]


def result(status: RunStatus, number: int = 0) -> RunResult:
    return synthetic_result(run(number), lambda spec: status)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ResultStore]:
    opened = ResultStore(sqlite_url(tmp_path / "study.db"))
    yield opened
    opened.close()


numbers = st.floats(allow_nan=True, allow_infinity=True)
finite = st.floats(allow_nan=False, allow_infinity=False)
points = st.builds(
    CurvePoint,
    index=st.integers(0, 99),
    timesteps=st.integers(0, 2**40),
    n_updates=st.integers(0, 2**40),
    mean_return=numbers,
)


def alike(first: Any, second: Any) -> bool:
    """Whether two values are equal, where NaN equals NaN: the text of a float tells all of it."""
    return repr(first) == repr(second)


@given(
    status=st.sampled_from([status for status in RunStatus if status is not RunStatus.COMPLETED]),
    episode_returns=st.lists(numbers, max_size=4).map(tuple),
    curve=st.lists(points, max_size=4).map(tuple),
    wall_time_s=st.floats(0, 1e9),
    error=st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    number=st.integers(0, 10**6),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_result_survives_the_store_with_nan_and_infinity(
    store: ResultStore, number: int, **fields: Any
) -> None:
    spec = run(number)
    with store.engine.begin() as connection:
        connection.execute(sa.delete(schema.runs))
    before = RunResult(
        run_id=spec.run_id,
        config_id=spec.config_id,
        seed=spec.seed,
        stage=spec.stage,
        provenance={"packages": {"torch": None}},
        **fields,
    )
    store.add_result(spec, before)
    after = store.results([spec.run_id])[spec.run_id]
    assert alike(after, before)
    assert stored_specs(store) == [spec]


@given(st.lists(finite, min_size=1, max_size=5), st.sampled_from(["final", "best", "last-three"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_score_follows_its_rule_and_survives(store: ResultStore, means: list[float], rule: Any) -> None:
    spec = run()
    with store.engine.begin() as connection:
        connection.execute(sa.delete(schema.runs))
    before = RunResult(
        run_id=spec.run_id,
        config_id=spec.config_id,
        seed=spec.seed,
        stage=spec.stage,
        status=RunStatus.COMPLETED,
        score_rule=rule,
        episode_returns=(means[-1],),
        curve=tuple(
            CurvePoint(index=i, timesteps=i, n_updates=i, mean_return=m) for i, m in enumerate(means)
        ),
        provenance={},
    )
    expected = {"final": means[-1], "best": max(means), "last-three": sum(means[-3:]) / len(means[-3:])}[rule]
    assert before.score == pytest.approx(expected)
    store.add_result(spec, before)
    assert store.results([spec.run_id])[spec.run_id].score == before.score
    with store.engine.connect() as connection:
        assert connection.execute(sa.select(schema.runs.c.score)).scalar_one() == before.score


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_completed_run_has_finite_returns(bad: float) -> None:
    good = result(RunStatus.COMPLETED)
    fields = {
        name: getattr(good, name) for name in ("run_id", "config_id", "seed", "stage", "status", "curve")
    }
    with pytest.raises(ValueError, match="NaN or infinity is DIVERGED"):
        RunResult(**fields, episode_returns=(1.0, bad), provenance={})
    with pytest.raises(ValueError, match="a completed run has episode returns"):
        RunResult(**fields, episode_returns=(), provenance={})


@pytest.mark.parametrize("status", [status for status in RunStatus if status is not RunStatus.COMPLETED])
def test_only_a_completed_run_has_a_score(status: RunStatus) -> None:
    assert result(status).score is None


ACCIDENTS = (RunStatus.FAILED, RunStatus.TIMED_OUT, RunStatus.CRASHED)
SETTLED = (RunStatus.COMPLETED, RunStatus.DIVERGED)


@pytest.mark.parametrize("first", RunStatus)
@pytest.mark.parametrize("second", RunStatus)
def test_an_outcome_stays_and_an_accident_is_replaced(
    store: ResultStore, first: RunStatus, second: RunStatus
) -> None:
    store.add_result(run(), result(first))
    store.add_result(run(), result(second))
    stored = store.results([run().run_id])[run().run_id].status
    if first in SETTLED or (first is RunStatus.PRUNED and second in ACCIDENTS):
        assert stored is first
    else:
        assert stored is second


def test_results_that_were_never_made_are_absent(store: ResultStore) -> None:
    store.add_result(run(1), result(RunStatus.COMPLETED, 1))
    assert list(store.results(run(number).run_id for number in range(1200))) == [run(1).run_id]


def test_a_trial_survives_the_store_and_is_brought_up_to_date(store: ResultStore) -> None:
    record = TrialRecord(
        number=3,
        config_id="c",
        hyperparameters={"net_arch": {"pi": [64]}, "gamma": 0.9707141699579157, "n": None},
        run_ids=("a", "b"),
        scores=(1.5, None),
        objective_value=None,
        state=TrialState.RUNNING,
        n_diverged=1,
        error="é\n",
    )
    store.save_trial("t", record)
    assert store.trials("t") == [record]
    assert store.trials("other") == []
    ended = TrialRecord(
        number=3,
        config_id="c",
        hyperparameters={},
        run_ids=(),
        scores=(),
        objective_value=-0.1,
        state=TrialState.COMPLETE,
    )
    store.save_trial("t", ended)
    assert store.trials("t") == [ended]


def test_a_settled_study_survives_and_a_later_one_of_the_same_search_replaces_it(store: ResultStore) -> None:
    declared = make_study({"execution": None})
    store.save_study(declared, STUDY)
    assert store.studies("small") == [StoredStudy(written=declared.written(), settled=STUDY)]
    grown = make_study({"tuning.n_trials": 9})
    store.save_study(grown, grown)
    other = make_study({"tuning.sampler": "random"})
    store.save_study(other, other)
    assert [one.settled for one in store.studies("small")] == [other, grown]
    assert store.studies("smaller") == []


def test_tuning_time_adds_up_and_once_unreproducible_stays_so(store: ResultStore) -> None:
    assert store.tuning_time("t") == (0.0, True)
    for seconds, reproducible in ((1.0, True), (2.0, False), (4.0, True)):
        store.add_tuning_time("t", seconds, reproducible=reproducible)
    assert store.tuning_time("t") == (7.0, False)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "study.db")
    store = ResultStore(url)
    with store.engine.begin() as connection:
        connection.execute(sa.update(schema.meta).values(value=str(schema.SCHEMA_VERSION + 1)))
    store.close()
    with pytest.raises(StudyError, match=r"schema version 3, but this robusttune knows .* 2. Upgrade"):
        ResultStore(url)


def test_runs_of_a_configuration_share_their_specification(store: ResultStore) -> None:
    for seeds, starts in ((0, "independent"), (3, "common")):
        study = make_study({"evaluation.starts": starts, "tuning.seeds_per_trial": 2})
        for spec in tuning_runs(study, {"gamma": 0.9}, seeds):
            store.add_result(spec, synthetic_result(spec))
    specs = stored_specs(store)
    assert len({spec.run_id for spec in specs}) == 4
    assert {spec.run_id for spec in specs} == set(store.outcomes(spec.run_id for spec in specs))
    with store.engine.connect() as connection:
        assert len(connection.execute(sa.select(schema.specs)).all()) == 2


def test_a_database_of_an_older_schema_is_written_on(tmp_path: Path) -> None:
    path = Path(shutil.copytree(DATA / "store_v1" / "results" / "stored", tmp_path / "stored")) / "study.db"
    store, spec = ResultStore(sqlite_url(path)), run()
    with store.engine.connect() as connection:
        before = connection.execute(sa.select(schema.runs)).all()
    known = store.results(row.run_id for row in before)
    store.add_result(spec, synthetic_result(spec))
    assert stored_specs(store) == [spec]
    store.close()
    store = ResultStore(sqlite_url(path), read_only=True)
    with store.engine.connect() as connection:
        assert [
            row for row in connection.execute(sa.select(schema.runs)) if row.run_id != spec.run_id
        ] == before
        assert connection.execute(sa.select(schema.meta.c.value)).scalar_one() == str(schema.SCHEMA_VERSION)
    assert store.results(known) == known


def test_columns_say_what_whole_results_say(store: ResultStore) -> None:
    runs = tuning_runs(make_study(), {"gamma": 0.9}, 0, indices=range(len(RunStatus)))
    for spec, status in zip(runs, RunStatus, strict=True):
        store.add_result(spec, synthetic_result(spec, lambda _, status=status: status))
    whole = store.results(spec.run_id for spec in runs)
    assert store.outcomes(whole) == {run_id: one.outcome for run_id, one in whole.items()}
    assert len(whole) == len(RunStatus)
    completed = {key: one.evaluations for key, one in whole.items() if one.status is RunStatus.COMPLETED}
    assert repr(store.evaluations(whole)) == repr(completed)
    counted = {(one.stage, one.status): {one.run_id} for one in whole.values()}
    assert store.statuses([runs[0].config_id]) == counted


def test_what_runs_have_cost_is_added_up_in_the_database_as_in_memory(store: ResultStore) -> None:
    assert store.cost([]) == MemoryStore().cost([]) == Cost()
    memory = MemoryStore()
    runs = tuning_runs(make_study(), {"gamma": 0.9}, 0, indices=range(len(RunStatus)))
    for place, (spec, status) in enumerate(zip(runs, RunStatus, strict=True)):
        made = dataclasses.replace(
            synthetic_result(spec, lambda _, status=status: status),
            timesteps=10**place,
            wall_time_s=0.5 * place,
            provenance={"host": "a" if place < 3 else "b"},
        )
        for one in (store, memory):
            one.add_result(spec, made)
    some = [spec.run_id for spec in runs[1:]]
    cost = store.cost([*some, *some, "never made"])
    for found in (cost, memory.cost([*some, *some])):
        assert (found.n_runs, found.timesteps, found.wall_time_s) == (5, 111110, 7.5)
        assert sorted(one["host"] for one in found.provenances) == ["a", "b"]


def test_what_is_not_a_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_text("this is not a database, it only bears the name of one" * 40)
    with pytest.raises(StudyError, match="cannot be opened: file is not a database"):
        ResultStore(sqlite_url(tmp_path / "study.db"))
    with pytest.raises(StudyError, match="cannot be opened: unable to open"):
        ResultStore(sqlite_url(tmp_path / "absent" / "study.db"))
    for url in ("nonsense", "foo://bar"):
        with pytest.raises(SpecError, match="Give `storage` an SQLAlchemy URL"):
            ResultStore(url)


def test_a_reason_ends_without_a_mark_of_its_own() -> None:
    error = sa.exc.OperationalError("select 1", {}, Exception("refused\n\tIs the server running?"))
    assert patience.reason_of(error) == "refused Is the server running"


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StudyError) as caught:
        ResultStore("postgresql+psycopg://user:geheim@127.0.0.1:1/db")
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://user:geheim@127.0.0.1:bad/db",
        "postgresql+psycopg://user:ge:he@im@127.0.0.1:bad/db",
        "nonsense://user:geheim@127.0.0.1/db",
        "postgresql+psycopg://127.0.0.1:bad/db?user=u&password=geheim",
    ],
)
def test_a_url_that_is_none_is_one_line_without_its_password(url: str) -> None:
    with pytest.raises(SpecError) as caught:
        ResultStore(url)
    assert "\n" not in str(caught.value)
    assert not re.search("geheim|he@im", str(caught.value))


@pytest.fixture
def disk(store: ResultStore) -> list[int]:
    """The most pages that the database may have, as SQLite enforces it."""
    room = [2**30]
    sa.event.listen(
        store.engine,
        "checkout",
        lambda connection, *_: connection.execute(f"PRAGMA max_page_count = {room[0]}"),
    )
    return room


def test_a_result_is_kept_until_a_full_disk_has_room_again(store: ResultStore, disk: list[int]) -> None:
    disk[0] = 1
    threading.Timer(0.3, lambda: disk.__setitem__(0, 2**30)).start()
    long = dataclasses.replace(result(RunStatus.FAILED), error="x" * 100_000)
    store.add_result(run(), long)
    assert store.results([run().run_id])[run().run_id].error == long.error


def test_runs_of_an_iterator_are_asked_for_again_when_the_database_answers(
    store: ResultStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add_result(run(), result(RunStatus.COMPLETED))
    connect = store.engine.connect
    locked = [sa.exc.OperationalError("", {}, sqlite3.OperationalError("database is locked"))]

    def connect_at_last() -> sa.Connection:
        if locked:
            raise locked.pop()
        return connect()

    monkeypatch.setattr(store.engine, "connect", connect_at_last)
    assert list(store.results(run_id for run_id in [run().run_id])) == [run().run_id]
    assert not locked


def test_a_disk_that_stays_full_is_one_error_with_the_way_out(
    store: ResultStore, disk: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "FILE_PATIENCE_S", 0.2)
    disk[0] = 1
    long = dataclasses.replace(result(RunStatus.FAILED), error="x" * 100_000)
    with pytest.raises(StudyError, match="disk is full. What is stored is kept.*same command continues"):
        store.add_result(run(), long)


def test_a_database_that_is_gone_does_not_hide_the_first_error(store: ResultStore) -> None:
    with pytest.raises(LookupError, match="the first"), Claims(store.engine):  # noqa: PT012
        schema.metadata.drop_all(store.engine)
        raise LookupError("the first")


def test_optuna_s_own_errors_of_its_database_are_ours(tmp_path: Path) -> None:
    storage = open_storage(sqlite_url(tmp_path / "optuna.db"))
    study = optuna.create_study(storage=storage)
    engine = sa.create_engine(sqlite_url(tmp_path / "optuna.db"))
    with engine.begin() as connection:
        connection.execute(sa.text("drop table trials"))
    with pytest.raises(StudyError, match="no such table: trials"):
        study.ask()


# --- several processes -----------------------------------------------------------------------------------------------


def _write_many(url: str, start: Any) -> None:
    start.wait()
    store = ResultStore(url)
    with Claims(store.engine):
        for number in range(25):
            store.add_result(run(number), result(RunStatus.COMPLETED, number))
            store.add_tuning_time("t", 1.0, reproducible=True)
    store.close()


@pytest.mark.thorough
def test_concurrent_writers_lose_nothing_and_duplicate_nothing(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "study.db")  # does not exist yet: they all begin by making it
    start = SPAWN.Event()
    writers = [SPAWN.Process(target=_write_many, args=(url, start)) for _ in range(3)]
    for writer in writers:
        writer.start()
    start.set()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    store = ResultStore(url)
    assert sorted(spec.seed for spec in stored_specs(store)) == sorted(
        run(number).seed for number in range(25)
    )
    assert store.tuning_time("t") == (75.0, True)
    store.close()


def _claim_and_wait(url: str, ready: Any) -> None:
    store = ResultStore(url)
    claims = Claims(store.engine).__enter__()
    assert claims.acquire("run:x")
    ready.set()
    time.sleep(60)


@pytest.fixture
def other(tmp_path: Path, store: ResultStore) -> Iterator[Any]:
    """Another process, which holds the claim `run:x`."""
    ready = SPAWN.Event()
    process = SPAWN.Process(target=_claim_and_wait, args=(sqlite_url(tmp_path / "study.db"), ready))
    process.start()
    assert ready.wait(30)
    yield process
    process.kill()
    process.join()


def test_a_live_processs_claim_is_respected_and_a_dead_ones_taken_over(
    store: ResultStore, other: Any
) -> None:
    with Claims(store.engine) as claims:
        assert claims.n_workers() == 2
        assert not claims.acquire("run:x")
        assert claims.acquire("run:y")
        os.kill(other.pid, signal.SIGKILL)
        while other.exitcode is None:
            time.sleep(0.01)
        assert claims.n_workers() == 1
        assert claims.acquire("run:x")
        assert claims.owner("run:x") == claims.worker_id


def test_a_zombie_holds_no_claim(tmp_path: Path, store: ResultStore) -> None:
    code = (
        "import sys, time; from robusttune.results.claims import Claims\n"
        "from robusttune.results.store import ResultStore\n"
        "Claims(ResultStore(sys.argv[1]).engine).__enter__().acquire('run:x'); print('ready', flush=True)\n"
        "time.sleep(60)"
    )
    command = [sys.executable, "-c", code, sqlite_url(tmp_path / "study.db")]
    with Claims(store.engine) as claims, subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.kill()  # nobody has waited for it yet
        time.sleep(0.2)
        assert claims.acquire("run:x")


@pytest.mark.parametrize("skew_s", [-3600.0, 0.0, 3600.0])
def test_a_worker_on_another_host_lives_as_long_as_its_heart_beats_whatever_its_clock_says(
    store: ResultStore, monkeypatch: pytest.MonkeyPatch, skew_s: float
) -> None:
    monkeypatch.setattr(claims_module, "HEARTBEAT_S", 1000.0)  # this test lets the hearts beat
    row = {"worker_id": "far", "host": "another-host", "pid": 1, "process_started_at": 0.0}
    far = sa.update(schema.workers).where(schema.workers.c.worker_id == "far")
    with store.engine.begin() as connection:
        connection.execute(sa.insert(schema.workers).values(**row, heartbeat_at=time.time() + skew_s))
        connection.execute(sa.insert(schema.claims).values(key="run:x", worker_id="far"))
    with Claims(store.engine) as claims:
        for beat in range(20):
            with store.engine.begin() as connection:
                connection.execute(far.values(heartbeat_at=time.time() + skew_s + beat))
            claims._beat_once()
            assert not claims.acquire("run:x")
        for _ in range(9):  # it is silent
            claims._beat_once()
        assert claims.acquire("run:x")


@pytest.mark.parametrize("skew_s", [-600.0, 600.0])
def test_of_two_hosts_whose_clocks_differ_each_respects_the_other_until_it_is_silent(
    store: ResultStore, monkeypatch: pytest.MonkeyPatch, skew_s: float
) -> None:
    monkeypatch.setattr(claims_module, "HEARTBEAT_S", 1000.0)  # this test lets the hearts beat
    with Claims(store.engine) as here, Claims(store.engine) as there:
        there._host = "another-host"

        def beat(one: Claims, n: int) -> None:
            now = 1e9 + 15.0 * n + (skew_s if one is there else 0.0)
            monkeypatch.setattr(time, "time", lambda: now)
            monkeypatch.setattr(claims_module, "HEARTBEAT_S", 15.0)
            one._beat_once()

        for one, key in ((here, "run:x"), (there, "run:y")):
            beat(one, 0)
            assert one.acquire(key)
        for n in range(1, 30):
            for one, key in ((here, "run:y"), (there, "run:x")):
                beat(one, n)
                assert not one.acquire(key)
        n_beats = 0
        while not here.acquire("run:y"):
            n_beats += 1
            beat(here, 30 + n_beats)
        assert n_beats == (3 if skew_s < 0 else 8)  # a clock behind ours looks like a heart long silent
        with store.engine.connect() as connection:
            alive = connection.execute(sa.select(schema.workers.c.worker_id)).scalars().all()
            held = dict(connection.execute(sa.select(schema.claims.c.key, schema.claims.c.worker_id)).all())
        assert alive == [here.worker_id]
        assert held == {"run:x": here.worker_id, "run:y": here.worker_id}


def test_a_database_that_was_away_kills_nobody(store: ResultStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims_module, "HEARTBEAT_S", 1000.0)
    row = {"worker_id": "far", "host": "another-host", "pid": 1, "process_started_at": 0.0}
    with store.engine.begin() as connection:
        connection.execute(sa.insert(schema.workers).values(**row, heartbeat_at=time.time()))
    with Claims(store.engine) as claims:
        later = time.time() + 1e6
        monkeypatch.setattr(time, "time", lambda: later)  # nobody could write meanwhile
        assert claims.is_alive("far")


def test_what_dead_workers_have_left_is_removed_on_entry(store: ResultStore) -> None:
    import platform

    row = {"host": platform.node(), "pid": 2**22 + 1, "process_started_at": 1.0, "heartbeat_at": time.time()}
    with store.engine.begin() as connection:
        connection.execute(sa.insert(schema.workers).values(worker_id="dead", **row))
        connection.execute(sa.insert(schema.claims).values(key="run:x", worker_id="dead"))
    with Claims(store.engine) as claims, store.engine.connect() as connection:
        assert connection.execute(sa.select(schema.claims)).all() == []
        assert connection.execute(sa.select(schema.workers.c.worker_id)).scalars().all() == [claims.worker_id]


def test_a_reused_process_id_is_not_the_process_that_claimed(store: ResultStore) -> None:
    import platform

    row = {"worker_id": "past", "host": platform.node(), "pid": os.getpid(), "heartbeat_at": time.time()}
    with store.engine.begin() as connection:
        connection.execute(sa.insert(schema.workers).values(**row, process_started_at=1.0))
        connection.execute(sa.insert(schema.claims).values(key="run:x", worker_id="past"))
    with Claims(store.engine) as claims:
        assert claims.acquire("run:x")


def test_a_claim_ends_with_its_release_or_its_worker(store: ResultStore) -> None:
    with Claims(store.engine) as first, Claims(store.engine) as second:
        assert first.acquire("run:x")
        assert first.acquire("run:x")  # still ours
        assert not second.acquire("run:x")
        second.release("run:x")  # not ours to give up
        assert not second.acquire("run:x")
        first.release("run:x")
        assert second.acquire("run:x")
    with Claims(store.engine) as third:
        assert third.acquire("run:x")


def _increment(url: str, path: str, start: Any) -> None:
    store = ResultStore(url)
    counter = Path(path)
    start.wait()
    with Claims(store.engine) as claims:
        for _ in range(10):
            with claims.lock("ask:t"):
                value = int(counter.read_text())
                time.sleep(0.002)
                counter.write_text(str(value + 1))
    store.close()


@pytest.mark.thorough
def test_the_lock_lets_one_process_in_at_a_time(tmp_path: Path, store: ResultStore) -> None:
    counter, start = tmp_path / "counter", SPAWN.Event()
    counter.write_text("0")
    arguments = (sqlite_url(tmp_path / "study.db"), str(counter), start)
    processes = [SPAWN.Process(target=_increment, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join()
    assert counter.read_text() == "20"


def test_stages_are_kept(store: ResultStore) -> None:
    store.add_result(run(), result(RunStatus.COMPLETED))
    assert store.results([run().run_id])[run().run_id].stage is Stage.TUNING
