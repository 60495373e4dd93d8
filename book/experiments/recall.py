"""At which distance does a network still find the word that decides, from which start?

The sentences of chapter 1, "the film was never ... clever", held out by pairs. Adam, the same
number of updates for all, ended early where at most one answer in a hundred is wrong. The
learning rate of each network is chosen on one distance and on seeds of their own. Guessing is
wrong half the time.
"""

from functools import lru_cache

import numpy as np

from experiments import _memory
from experiments._memory import RELU, TANH, Task
from rnn_course import data
from rnn_course.metrics import accuracy
from rnn_course.models import SequenceModel
from rnn_course.text import Vocabulary

SETTINGS = {
    "networks": {
        "tanh": TANH | {"max_norm": None},
        "tanh, clipped": TANH | {"max_norm": 0.1},
        "tanh, orthogonal": TANH | {"start": "orthogonal"},
        "tanh, short to long": TANH | {"growing": True},
        "ReLU, identity": RELU | {"start": "identity"},
    },
    "sizes": [7, 15, 30, 60],
    "seeds": [0, 1, 2, 3, 4],
    "rates": [0.001, 0.002, 0.005, 0.01],
    "choosing_size": 15,
    "choosing_seeds": [100, 101],
    "failed": 1.0,
    "hidden_size": 16,
    "batch": 32,
    "updates": 2000,
    "every": 100,
    "shortest": 2,
    "test": 1000,
}
SMALL = SETTINGS | {
    "networks": {name: SETTINGS["networks"][name] for name in ("tanh", "tanh, clipped")},
    "sizes": [30],
    "seeds": [0],
    "rates": [0.002],
}
FEATURES = 8
WORDS = Vocabulary(
    ["the", "was", "never", "always", *data.THINGS, *data.FILLERS, *data.POSITIVE, *data.NEGATIVE]
)


@lru_cache
def _sentences(distance):
    """(training, held-out) pairs of tokens (N, T) and labels (N,); never/always pairs together."""
    rng = np.random.default_rng(distance)
    texts, labels = data.negation_sentences(6000, rng, distance)
    pairs = [tuple(w for w in s if w not in ("never", "always")) for s in texts]
    tokens = np.stack([WORDS.encode(s) for s in texts])  # (N, T)
    return [(tokens[rows], labels[rows]) for rows in data.split_groups(pairs, rng)]


def _draw(count, distance, rng, test):
    tokens, labels = _sentences(distance)[test]
    rows = rng.integers(len(tokens), size=count)
    return tokens[rows], labels[rows]


def _measure(model, batch):
    tokens, labels = batch
    return {"error": 1 - accuracy(model.predict(tokens), labels)}


def _model(encoder, rng):
    return SequenceModel(encoder, 2, rng, len(WORDS), FEATURES, output_at="last")


TASK = Task(input_size=FEATURES, model=_model, draw=_draw, measure=_measure, goal=0.01)


def run(settings, progress):
    """Return, by network, the share of wrong answers on held-out sentences by seed and distance."""
    return _memory.run(TASK, settings, progress)
