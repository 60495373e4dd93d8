"""Over which delay does a network learn to write down five symbols it has read, from which start?

Adam with clipped gradients, the same number of updates for all, ended early where at most one
symbol in a hundred is wrong. The learning rate of each network is chosen on one delay and on
seeds of their own. Without memory the cross-entropy is 5 ln 8 / (delay + 10) at best, and one
symbol in eight is right; a network of which no seed is clearly better is not tried on longer
delays.
"""

from experiments import _memory
from experiments._memory import RELU, TANH, Task
from rnn_course.memory_tasks import copy_baseline, copy_task
from rnn_course.metrics import accuracy
from rnn_course.models import SequenceModel

SETTINGS = {
    "networks": {
        "tanh": TANH,
        "tanh, orthogonal": TANH | {"start": "orthogonal"},
        "ReLU, identity": RELU | {"start": "identity"},
    },
    "sizes": [1, 10, 50],
    "seeds": [0, 1, 2, 3, 4],
    "rates": [0.001, 0.003, 0.01],
    "choosing_size": 10,
    "choosing_seeds": [100, 101],
    "failed": 0.8,
    "hidden_size": 32,
    "batch": 20,
    "updates": 2500,
    "every": 100,
    "shortest": 1,
    "test": 500,
}
SMALL = SETTINGS | {
    "networks": {name: SETTINGS["networks"][name] for name in ("tanh", "ReLU, identity")},
    "sizes": [10],
    "seeds": [0],
    "rates": [0.003],
    "updates": 1200,
}
SYMBOLS, LENGTH = 8, 5


def _draw(count, delay, rng, test):
    return copy_task(count, delay, rng, SYMBOLS, LENGTH)


def _measure(model, batch):
    tokens, targets = batch
    right = accuracy(model.predict(tokens)[:, -LENGTH:], targets[:, -LENGTH:])
    baseline = copy_baseline(tokens.shape[1] - 2 * LENGTH, SYMBOLS, LENGTH)
    return {"error": 1 - right, "loss": float(model.loss(*batch)), "baseline": baseline}


def _model(encoder, rng):
    return SequenceModel(encoder, SYMBOLS + 1, rng, SYMBOLS + 2, SYMBOLS + 2)


TASK = Task(input_size=SYMBOLS + 2, model=_model, draw=_draw, measure=_measure, goal=0.01)


def run(settings, progress):
    """Return, by network, the cross-entropy and the share of wrong symbols by seed and delay."""
    return _memory.run(TASK, settings, progress)
