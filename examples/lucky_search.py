"""A notebook, whose cells begin with `# %%`: Jupyter opens it with jupytext, editors as it is, and Python runs it."""

# %% [markdown]
# # A search that believes its best trial, and one that does not
#
# Nothing is trained here: scores are drawn from a truth that the study declares, so that every answer can be checked.

# %%
import dataclasses
import math

import robusttune as rt

# %% [markdown]
# ## A landscape whose truth is known
#
# One hyperparameter matters, the learning rate: 100 points at 1e-3, 20 fewer a factor of ten away from it. The seed of
# a run adds noise with an SD of 15 points.


# %%
def true_mean(learning_rate: float) -> float:
    """Return what a configuration is worth."""
    return 100.0 - 20.0 * math.log10(learning_rate / 1e-3) ** 2


study = rt.StudySpec(
    name="lucky-search",
    training=rt.SyntheticTraining(
        mean=100.0, sd=15.0, effects={"learning_rate": rt.Effect(best=1e-3, drop=20.0, scale="log")}
    ),
    search_space=rt.SearchSpace(parameters={"learning_rate": rt.Float(low=1e-5, high=1e-1, scale="log")}),
    tuning=rt.TuningSpec(n_trials=60, sampler="random"),
    post_evaluation=rt.PostEvaluationSpec(top_k=6, n_seeds=20, default_control=False),
)

# %% [markdown]
# ## Search, then ask fresh seeds

# %%
simulation = rt.simulate_study(study)
champion = max(simulation.trials, key=lambda trial: trial.objective_value or -math.inf)
rate = float(champion.hyperparameters["learning_rate"])
print(f"The search's best trial scored {champion.objective_value:.1f}.")
print(f"It is worth {true_mean(rate):.1f}: the rest was luck.")

# %% [markdown]
# The whole study, as with real training: the answer, and a row for each configuration.

# %%
ranking = rt.run_study(study, out="results", workers=0)
print(*ranking.answer, sep="\n")
columns = ["configuration", "tuning_score", "mean", "mean_low", "mean_high", "luck", "verdict"]
print(ranking.to_frame()[columns].round(1).to_string(index=False))

# %% [markdown]
# ## Is it right?
#
# With a known truth every interval can be checked.

# %%
for row in ranking.rows:
    truth = true_mean(float(row.candidate.hyperparameters["learning_rate"]))
    found = row.analysis.mean
    holds = "holds" if found.low <= truth <= found.high else "misses"
    print(f"{row.name}: [{found.low:.1f}, {found.high:.1f}] {holds} the truth, {truth:.1f}")

# %% [markdown]
# ## Over twenty searches
#
# How much too high is the score that a search reports, if it is believed?

# %%
gaps = []
for root in range(20):
    trials = rt.simulate_study(dataclasses.replace(study, root_seed=root)).trials
    best = max(trials, key=lambda trial: trial.objective_value or -math.inf)
    gaps.append((best.objective_value or 0.0) - true_mean(float(best.hyperparameters["learning_rate"])))
print(
    f"Over {len(gaps)} searches, the best trial's score is {sum(gaps) / len(gaps):.1f} points too high on average."
)
