"""Up to which length does a network learn to add two marked values, from which start?

Adam with clipped gradients, the same number of updates for all, ended early where the squared
error on fresh sequences is at most 0.01. The learning rate of each network is chosen on one
length and on seeds of their own. Always answering 1 has 1/6; a network of which no seed is
clearly better than that is not tried on longer sequences.
"""

import numpy as np

from experiments import _memory
from experiments._memory import RELU, TANH, Task
from rnn_course.memory_tasks import adding_problem
from rnn_course.models import SequenceModel

SETTINGS = {
    "networks": {
        "tanh": TANH,
        "tanh, orthogonal": TANH | {"start": "orthogonal"},
        "tanh, short to long": TANH | {"growing": True},
        "ReLU, identity": RELU | {"start": "identity"},
    },
    "sizes": [10, 30, 100],
    "seeds": [0, 1, 2, 3, 4],
    "rates": [0.001, 0.003, 0.01],
    "choosing_size": 30,
    "choosing_seeds": [100, 101],
    "failed": 0.1,
    "hidden_size": 32,
    "batch": 20,
    "updates": 2500,
    "every": 100,
    "shortest": 8,
    "test": 1000,
}
SMALL = SETTINGS | {
    "networks": {name: SETTINGS["networks"][name] for name in ("tanh", "ReLU, identity")},
    "sizes": [100],
    "seeds": [0],
    "rates": [0.003],
    "updates": 1200,
}
DIVERGED = 1.0  # a squared error above this counts as this


def _draw(count, T, rng, test):
    return adding_problem(count, T, rng, dtype=np.float32)


def _measure(model, batch):
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.fmin(model.loss(*batch), DIVERGED)  # also where it is NaN
    return {"error": float(error), "baseline": float(((batch[1] - 1) ** 2).mean())}


def _model(encoder, rng):
    return SequenceModel(encoder, 1, rng, output_at="last", loss="squared_error")


TASK = Task(input_size=2, model=_model, draw=_draw, measure=_measure, goal=0.01)


def run(settings, progress):
    """Return, by network, the squared error on held-out sequences by seed and length."""
    return _memory.run(TASK, settings, progress)
