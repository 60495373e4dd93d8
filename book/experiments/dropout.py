"""Does dropout prevent overfitting, and when does it cost instead?

The language of a name, from few names or many, with a large GRU or a small one. Dropout falls on
the inputs and the states that the output reads, and on no connection from step to step.
"""

import numpy as np

from experiments._networks import Dropped
from rnn_course import data
from rnn_course.encoders import GRUEncoder
from rnn_course.metrics import accuracy, majority_accuracy
from rnn_course.models import SequenceModel
from rnn_course.optimisers import Adam
from rnn_course.text import Vocabulary, pad_sequences, shuffled_batches
from rnn_course.training import train

SETTINGS = {"seeds": [0, 1, 2, 3, 4], "rates": [0.0, 0.2, 0.5], "updates": 600, "every": 40}
SETTINGS |= {"cases": [[600, 48], [600, 6], [3200, 48]]}  # names to learn from, and units
SMALL = SETTINGS | {"seeds": [0], "updates": 320, "rates": [0.0, 0.5], "cases": [[600, 48]]}


def names_split(count, rng):
    """(tokens, labels, lengths) of so many names to learn from, and of 1,000 others."""
    names, labels = data.names_by_language()
    rows = rng.permutation(len(names))
    test, learn = rows[:1000], rows[1000 : 1000 + count]
    letters = Vocabulary(letter for row in learn for letter in names[row])
    tokens, lengths = pad_sequences([letters.encode(name[:20]) for name in names])
    sides = [(tokens[rows], labels[rows], lengths[rows]) for rows in (learn, test)]
    return *sides, len(letters)


def curves(count, hidden, rate, seed, settings):
    """Losses and accuracies on names learnt from and on others, a row an evaluation, (n, 4)."""
    rng = np.random.default_rng(seed)
    learn, test, V = names_split(count, rng)
    encoder = Dropped(GRUEncoder(16, hidden, rng, dtype=np.float32), rate)
    model = SequenceModel(encoder, 10, rng, V, 16, "last")
    some = tuple(column[:600] for column in learn)

    def evaluate():
        losses = [float(model.loss(*side)) for side in (some, test)]
        scores = [accuracy(model.predict(x, lengths), y) for x, y, lengths in (some, test)]
        return [round(float(number), 4) for number in (*losses, *scores)]

    batches = shuffled_batches(32, rng, *learn)
    history = train(
        model,
        batches,
        Adam(0.01),
        settings["updates"],
        max_norm=1.0,
        evaluate=evaluate,
        evaluate_every=settings["every"],
        rng=rng,
    )
    return [numbers for _, numbers in history.evaluations]


def run(settings, progress):
    """Return curves by case and rate, a list a seed, and the majority's share."""
    results = {}
    for count, hidden in progress(settings["cases"]):
        learn, test, _ = names_split(count, np.random.default_rng(0))
        results[f"{count} names, {hidden} units"] = {
            "majority": float(majority_accuracy(learn[1], test[1])),
            **{
                str(rate): [
                    curves(count, hidden, rate, seed, settings) for seed in settings["seeds"]
                ]
                for rate in settings["rates"]
            },
        }
    return results
