"""Up to which length do gated networks learn to add two marked values, by the bias they start at?

Adam with clipped gradients, the same number of updates for all, ended early where the squared
error on fresh sequences is at most 0.01. Each network's learning rate is chosen on the shortest
length, on seeds of their own. Always answering 1 has 1/6; a network of which no seed is clearly
better is not tried on longer sequences. Two of the networks are then given much longer ones.
"""

import numpy as np

from experiments import _memory
from experiments._memory import GRU, LSTM, TANH, Task
from rnn_course.memory_tasks import adding_problem
from rnn_course.models import SequenceModel

NETWORKS = {
    "RNN": TANH,
    "LSTM, bias 0": LSTM | {"keep": 0.0},
    "LSTM, bias 1": LSTM | {"keep": 1.0},
    "LSTM, bias 3": LSTM | {"keep": 3.0},
    "LSTM, spread": LSTM | {"keep": "spread"},
    "GRU": GRU,
}
SETTINGS = {
    "networks": NETWORKS,
    "sizes": [50, 100, 200],
    "seeds": [0, 1, 2, 3, 4],
    "rates": [0.01, 0.03],
    "choosing_size": 50,
    "choosing_seeds": [100, 101],
    "failed": 0.1,
    "hidden_size": 32,
    "batch": 20,
    "updates": 600,
    "every": 50,
    "test": 500,
    "long": {
        "networks": ["LSTM, spread", "GRU"],
        "sizes": [800],
        "seeds": [0, 1, 2],
        "updates": 1000,
    },
}
SMALL = SETTINGS | {"networks": {name: NETWORKS[name] for name in ("RNN", "GRU")}, "seeds": [0]}
SMALL |= {"sizes": [50], "rates": [0.01], "long": {"networks": []}}


def _draw(count, T, rng, test):
    return adding_problem(count, T, rng, dtype=np.float32)


def _measure(model, batch):
    return {"error": float(model.loss(*batch))}


def _model(encoder, rng):
    return SequenceModel(encoder, 1, rng, output_at="last", loss="squared_error")


TASK = Task(input_size=2, model=_model, draw=_draw, measure=_measure, goal=0.01)


def run(settings, progress):
    """Return, by network, the squared error on held-out sequences by length and seed."""
    results, long = _memory.run(TASK, settings, progress), settings["long"]
    for name in long["networks"]:
        rates = {"networks": {name: NETWORKS[name]}, "rates": [results[name]["rate"]]}
        further = _memory.run(TASK, settings | long | rates, lambda networks: networks)[name]
        for measure in ("error", "updates"):
            results[name][measure] |= further[measure]
    return results
