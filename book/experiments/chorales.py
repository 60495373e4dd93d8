"""How many nats does each recurrent cell need for the next frame of a Bach chorale?

Each quarter note is a frame of 88 keys that sound or not, and a network gives each key a
probability from the frames before; the loss of a frame is the sum over the keys, as Bai, Kolter
and Koltun (2018) count it. The cells get the largest width that a number of parameters allows.
Learning rate and checkpoint are chosen on validation chorales. Without a network: each key with
the share of frames in which it sounds, and with that share given whether it sounds now.
"""

import numpy as np

from rnn_course import data
from rnn_course.encoders import GRUEncoder, LSTMEncoder, RNNEncoder
from rnn_course.losses import bernoulli_cross_entropy_backward, bernoulli_cross_entropy_forward
from rnn_course.models import SequenceModel, count_parameters
from rnn_course.optimisers import Adam
from rnn_course.real_data import NUM_PITCHES, chorales
from rnn_course.text import mask_from_lengths, pad_sequences, shuffled_batches
from rnn_course.training import train

LOSS = bernoulli_cross_entropy_forward, bernoulli_cross_entropy_backward
CELLS = {"LSTM": LSTMEncoder, "GRU": GRUEncoder, "RNN": RNNEncoder}
SETTINGS = {"parameters": 40000, "rates": [0.003, 0.01], "choosing_seeds": [10]}
SETTINGS |= {"seeds": [0, 1, 2, 3, 4], "updates": 400, "every": 40, "batch": 16, "pieces": None}
SMALL = SETTINGS | {"rates": [0.01], "seeds": [0], "updates": 100, "pieces": 30}


def parts(limit):
    """Training, validation and test chorales: (inputs, targets (B, T, 88), lengths (B,)) each."""
    _, pieces = chorales(limit)
    rng = np.random.default_rng(1000)
    alike = [piece[:12].tobytes() for piece in pieces]  # settings of one chorale begin alike
    learn, rest = data.split_groups(alike, rng, 0.4)
    validation, test = data.split_groups([alike[row] for row in rest], rng, 0.5)
    return [
        _columns([pieces[row] for row in rows]) for rows in (learn, rest[validation], rest[test])
    ]


def _columns(pieces):
    rolls, lengths = pad_sequences([piece.astype(np.float32) for piece in pieces])
    return rolls[:, :-1], rolls[:, 1:], lengths - 1


def build(cell, limit, seed):
    """The widest model with at most so many parameters, and its generator."""

    def model(size):
        rng = np.random.default_rng(seed)
        encoder = CELLS[cell](NUM_PITCHES, size, rng, dtype=np.float32)
        made = SequenceModel(encoder, NUM_PITCHES, rng)
        made.loss_forward, made.loss_backward = LOSS
        return made, rng

    size = next(n for n in range(1, 1000) if count_parameters(model(n + 1)[0]) > limit)
    return model(size)


def _batches(size, rng, inputs, targets, lengths):
    for x, y, steps in shuffled_batches(size, rng, inputs, targets, lengths):
        yield x[:, : steps.max()], y[:, : steps.max()], steps


def train_once(cell, rate, seed, settings, learn, validation):
    """The model of the checkpoint best on validation data, its loss there, and its update."""
    model, rng = build(cell, settings["parameters"], seed)
    source = _batches(settings["batch"], rng, *learn)
    history = train(
        model,
        source,
        Adam(rate),
        settings["updates"],
        max_norm=1.0,
        evaluate=lambda: float(model.loss(*validation)),
        evaluate_every=settings["every"],
        keep_best="lowest",
    )
    best = min(history.evaluations, key=lambda pair: pair[1])
    return model, best[1], best[0]


def baselines(learn, test):
    """Nats a frame of the keys alone, and of each key given whether it sounds now."""
    x, y, lengths = learn
    mask = mask_from_lengths(lengths, x.shape[1])  # (B, T)
    now, following = x[mask], y[mask]  # (N, 88) each
    test_mask = mask_from_lengths(test[2], test[0].shape[1])
    test_now, target = test[0][test_mask], test[1][test_mask]  # (M, 88) each

    def nats(p):
        return float(-np.log(np.where(target > 0, p, 1 - p)).sum(axis=1).mean())

    share = (following.sum(axis=0) + 0.5) / (len(following) + 1)  # (88,)
    given = [
        ((following * (now == k)).sum(axis=0) + share) / ((now == k).sum(axis=0) + 1)
        for k in (0, 1)
    ]
    return {"keys alone": nats(share), "given itself": nats(np.where(test_now > 0, *given[::-1]))}


def run(settings, progress):
    """Return the baselines and, by cell, width, rate, checkpoints and nats a frame by seed."""
    learn, validation, test = parts(settings["pieces"])
    results = {"pieces": [len(part[0]) for part in (learn, validation, test)]}
    results |= {"frames": int(test[2].sum()), "baselines": baselines(learn, test), "cells": {}}
    for cell in progress(list(CELLS)):
        common = settings, learn, validation
        tried = {
            rate: np.mean(
                [train_once(cell, rate, s, *common)[1] for s in settings["choosing_seeds"]]
            )
            for rate in settings["rates"]
        }
        rate = min(tried, key=tried.get)
        runs = [train_once(cell, rate, seed, *common) for seed in settings["seeds"]]
        results["cells"][cell] = {
            "parameters": count_parameters(runs[0][0]),
            "hidden": runs[0][0].encoder.hidden_size,
            "rate": rate,
            "updates": [updates for *_, updates in runs],
            "nats": [round(float(model.loss(*test)), 3) for model, *_ in runs],
        }
    return results
