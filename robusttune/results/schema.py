"""Tables of the results database. Optuna's own tables may be in the same database."""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA_VERSION = 2
"""Version 1 has no table of specs: each run has its own. Such databases are read, and written on, as they are."""

metadata = sa.MetaData()

meta = sa.Table(
    "robusttune_meta",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
studies = sa.Table(
    "robusttune_declarations",
    metadata,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("tuning_id", sa.String(20), primary_key=True),
    sa.Column("written", sa.Text, nullable=False),
    sa.Column("settled", sa.Text, nullable=False),
    sa.Column("saved_at", sa.String(32), nullable=False),
)
provenances = sa.Table(
    "robusttune_provenances",
    metadata,
    sa.Column("provenance_id", sa.String(20), primary_key=True),
    sa.Column("provenance", sa.Text, nullable=False),
)
specs = sa.Table(
    "robusttune_specs",
    metadata,
    sa.Column("spec_id", sa.String(20), primary_key=True),
    sa.Column("spec", sa.Text, nullable=False),
)
runs = sa.Table(
    "robusttune_runs",
    metadata,
    sa.Column("run_id", sa.String(20), primary_key=True),
    sa.Column("config_id", sa.String(20), nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("stage", sa.String(20), nullable=False),
    sa.Column("status", sa.String(20), nullable=False),
    sa.Column("score", sa.Double),
    sa.Column("score_rule", sa.String(20), nullable=False),
    sa.Column("spec", sa.Text, nullable=False),  # its id; in rows of version 1 the specification itself
    sa.Column("episode_returns", sa.Text, nullable=False),
    sa.Column("curve", sa.Text, nullable=False),
    sa.Column("timesteps", sa.BigInteger, nullable=False),
    sa.Column("n_updates", sa.BigInteger, nullable=False),
    sa.Column("wall_time_s", sa.Double, nullable=False),
    sa.Column("evaluation_time_s", sa.Double, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("provenance_id", sa.String(20), nullable=False),
    sa.Column("finished_at", sa.String(32), nullable=False),
    # All that is counted, so that counting reads no rows.
    sa.Index("ix_robusttune_runs_counted", "config_id", "stage", "status", "run_id"),
)
trials = sa.Table(
    "robusttune_trials",
    metadata,
    sa.Column("tuning_id", sa.String(20), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("config_id", sa.String(20), nullable=False),
    sa.Column("hyperparameters", sa.Text, nullable=False),
    sa.Column("run_ids", sa.Text, nullable=False),
    sa.Column("scores", sa.Text, nullable=False),
    sa.Column("objective_value", sa.Double),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("n_diverged", sa.Integer, nullable=False),
    sa.Column("error", sa.Text),
)
tunings = sa.Table(
    "robusttune_tunings",
    metadata,
    sa.Column("tuning_id", sa.String(20), primary_key=True),
    sa.Column("elapsed_s", sa.Double, nullable=False),
    sa.Column("reproducible", sa.Boolean, nullable=False),
)
workers = sa.Table(
    "robusttune_workers",
    metadata,
    sa.Column("worker_id", sa.String(32), primary_key=True),
    sa.Column("host", sa.String(200), nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("process_started_at", sa.Double, nullable=False),
    sa.Column("heartbeat_at", sa.Double, nullable=False),
)
claims = sa.Table(
    "robusttune_claims",
    metadata,
    sa.Column("key", sa.String(120), primary_key=True),
    sa.Column("worker_id", sa.String(32), nullable=False),
)
