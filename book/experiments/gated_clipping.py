"""Does the gradient of an LSTM or a GRU explode in training, and does clipping help?

The adding problem, from the usual start and from recurrent weights some times as large, with plain
gradient descent and with Adam, each with and without clipping to norm 1. Stored are the largest
norm of the gradient before clipping, its median, the squared error at the end, and whether an
overflow ended the run. Always answering 1 has 1/6.
"""

from itertools import product

import numpy as np

from experiments import adding_problem
from experiments._gated import NETWORKS, set_keep
from experiments._memory import encoder
from rnn_course.memory_tasks import adding_problem as draw
from rnn_course.optimisers import SGD, Adam
from rnn_course.training import train

RULES = {"SGD": SGD, "Adam": Adam}
SETTINGS = {
    "networks": ["LSTM, bias 1", "GRU"],
    "scales": [1, 4, 8],
    "rules": [["SGD", 0.1], ["Adam", 0.01]],
    "clipping": [None, 1.0],
    "seeds": [0, 1, 2, 3, 4],
    "T": 100,
    "hidden_size": 32,
    "batch": 20,
    "updates": 600,
    "test": 1000,
}
SMALL = SETTINGS | {"networks": ["LSTM, bias 1"], "scales": [8], "rules": [["SGD", 0.1]]}
SMALL |= {"seeds": [0], "updates": 100}


def train_once(name, scale, rule, rate, max_norm, seed, settings):
    """One run: largest and median norm of the gradient, error at the end, whether it overflowed."""
    rng, T = np.random.default_rng(seed), settings["T"]
    network = dict(NETWORKS[name])
    keep = network.pop("keep")
    made = encoder(network, 2, settings["hidden_size"], rng)
    set_keep(made, network["cell"], keep, T, rng)
    made.params["W_hh"] *= np.float32(scale)
    model = adding_problem.TASK.model(made, rng)
    norms, overflow = [], False
    one = iter(lambda: draw(settings["batch"], T, rng, np.float32), None)
    optimiser = RULES[rule](rate)
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            for _ in range(settings["updates"]):
                norms += train(model, one, optimiser, 1, max_norm).grad_norm
        except FloatingPointError:
            overflow = True
    test = draw(settings["test"], T, np.random.default_rng(10_000), np.float32)
    error = adding_problem.TASK.measure(model, test)["error"]
    return {"largest": max(norms), "median": np.median(norms), "error": error, "overflow": overflow}


def run(settings, progress):
    """Return a list of cases, each with lists of the four measures, one entry a seed."""
    cases = product(
        settings["networks"], settings["scales"], settings["rules"], settings["clipping"]
    )
    results = []
    for name, scale, (rule, rate), max_norm in progress(list(cases)):
        runs = [
            train_once(name, scale, rule, rate, max_norm, seed, settings)
            for seed in settings["seeds"]
        ]
        case = {"network": name, "scale": scale, "rule": rule, "max_norm": max_norm}
        case |= {
            measure: [float(f"{one[measure]:.4g}") for one in runs]
            for measure in ("largest", "median", "error")
        }
        results.append(case | {"overflows": sum(one["overflow"] for one in runs)})
    return {"cases": results}
