"""Does any recurrent cell leave the memoryless baseline of the copy task over a delay of 100?

Ten symbols of eight, as Arjovsky, Shah and Bengio (2016) and Bai, Kolter and Koltun (2018) have
them, and the same few hundred updates of Adam with clipped gradients for all. The loss is in nats a
step on fresh sequences; without memory it is at best 10 ln 8 / (delay + 20).
"""

import numpy as np

from rnn_course.encoders import GRUEncoder, LSTMEncoder, RNNEncoder
from rnn_course.memory_tasks import copy_baseline, copy_task
from rnn_course.metrics import accuracy
from rnn_course.models import SequenceModel
from rnn_course.optimisers import Adam
from rnn_course.training import train

CELLS = {"LSTM": LSTMEncoder, "GRU": GRUEncoder, "RNN": RNNEncoder}
SETTINGS = {"delay": 100, "hidden": 48, "rate": 0.003, "batch": 20, "updates": 400}
SETTINGS |= {"seeds": [0, 1, 2, 3, 4]}
SMALL = SETTINGS | {"delay": 20, "updates": 50, "seeds": [0]}


def train_once(cell, seed, settings):
    """Nats a step and the share of right symbols on fresh sequences."""
    rng, delay = np.random.default_rng(seed), settings["delay"]
    encoder = CELLS[cell](10, settings["hidden"], rng, dtype=np.float32)
    model = SequenceModel(encoder, 9, rng, 10, 10)
    batches = iter(lambda: copy_task(settings["batch"], delay, rng), None)  # no end
    train(model, batches, Adam(settings["rate"]), settings["updates"], max_norm=1.0)
    tokens, targets = copy_task(200, delay, np.random.default_rng(10_000))
    right = accuracy(model.predict(tokens), targets, targets < 8)
    return {"nats": round(float(model.loss(tokens, targets)), 4), "symbols": round(right, 4)}


def run(settings, progress):
    """Return the baseline and, by cell, an entry a seed."""
    cells = {
        cell: [train_once(cell, seed, settings) for seed in settings["seeds"]]
        for cell in progress(list(CELLS))
    }
    return {"baseline": round(float(copy_baseline(settings["delay"])), 4), "cells": cells}
