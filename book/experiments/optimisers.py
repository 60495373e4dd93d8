"""Do SGD, RMSprop and Adam all train an RNN, each at a learning rate chosen for it?

Two tasks: "never" or "always" three words before the adjective (cross-entropy), and the next
position of a swing that gusts push at random (squared error). Each rule gets the same grid of
learning rates, the same number of updates and no clipping. The rate with the lowest mean loss on
validation data is chosen on some seeds; others, which had no part in the choice, are reported on
test data, at that rate and at the next lower one. Each of these runs is made a second time from
weights changed by about one part in ten million, as another order of adding would change them: how
much does that decide?
"""

from itertools import product

import numpy as np

from rnn_course import data
from rnn_course.encoders import RNNEncoder
from rnn_course.metrics import accuracy, majority_accuracy
from rnn_course.models import SequenceModel
from rnn_course.optimisers import SGD, Adam, RMSprop
from rnn_course.text import Vocabulary, shuffled_batches
from rnn_course.training import train

RULES = {
    "SGD": SGD,
    "SGD with momentum": lambda rate: SGD(rate, momentum=0.9),
    "RMSprop": RMSprop,
    "Adam": Adam,
}
GRID = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0]
SETTINGS = {"rates": {rule: GRID for rule in RULES}, "updates": 600, "nudge": 1e-7}
SETTINGS |= {"choosing_seeds": [10, 11, 12, 13, 14], "seeds": list(range(10))}
# Rates away from the edge of stability, where rounding does not decide how a run ends
SMALL = SETTINGS | {"rates": {"SGD": [0.3], "RMSprop": [0.003], "Adam": [0.01]}}
SMALL |= {"choosing_seeds": [10], "seeds": [0, 1, 2]}
DIVERGED = 1e3  # a loss above this counts as none: neither task has a trivial loss above 1


def sentences():
    """(training, validation, test) pairs of tokens (N, 7) and labels (N,), and the vocabulary.

    Sentences that differ in "never" and "always" alone are on the same side.
    """
    rng = np.random.default_rng(1000)
    texts, labels = data.negation_sentences(2000, rng, distance=3)
    pairs = [tuple(w for w in s if w not in ("never", "always")) for s in texts]
    learn, rest = data.split_groups(pairs, rng, 0.4)
    parts = data.split_groups([pairs[row] for row in rest], rng, 0.5)
    words = Vocabulary(word for row in learn for word in texts[row])
    tokens = np.stack([words.encode(s) for s in texts])  # (N, 7)
    return [(tokens[rows], labels[rows]) for rows in (learn, rest[parts[0]], rest[parts[1]])], words


def swings(count, rng, T=40, turn=0.6, damping=0.98, push=0.3):
    """(count, T, 1) positions: x_t = 2 r cos(w) x_{t-1} - r² x_{t-2} + push noise, settled."""
    x = np.zeros((count, T + 100))  # (N, T + 100)
    for t in range(2, T + 100):
        x[:, t] = 2 * damping * np.cos(turn) * x[:, t - 1] - damping**2 * x[:, t - 2]
        x[:, t] += push * rng.standard_normal(count)
    return x[:, -T:, None]


def series():
    """(training, validation, test) pairs of positions (N, 39, 1) and the next ones, scaled.

    Also the mean squared push, which no forecast can foresee, in the same units.
    """
    x = swings(400, np.random.default_rng(1000))  # (N, 40, 1)
    scale = x[:200].std()
    x = (x / scale).astype(np.float32)
    parts = x[:200], x[200:300], x[300:]
    return [(part[:, :-1], part[:, 1:]) for part in parts], (0.3 / scale) ** 2


def _sentence_model(rng, words):
    encoder = RNNEncoder(8, 16, rng, dtype=np.float32)
    return SequenceModel(encoder, 2, rng, len(words), 8, output_at="last")


def _series_model(rng, _):
    encoder = RNNEncoder(1, 16, rng, dtype=np.float32)
    return SequenceModel(encoder, 1, rng, loss="squared_error")


def tasks():
    """Both tasks by name: (function that makes a model, its argument, the three parts)."""
    (texts, words), (positions, _) = sentences(), series()
    return {
        "sentences": (_sentence_model, words, texts),
        "series": (_series_model, None, positions),
    }


def train_once(task, rule, rate, seed, updates, nudge=0):
    """Validation loss after the last update, and the model.

    nudge: typical relative change of each weight before the first update.
    """
    make, argument, (learn, validation, _) = task
    rng = np.random.default_rng(seed)
    model = make(rng, argument)
    for param in model.params.values():
        change = nudge * np.random.default_rng(seed + 100).standard_normal(param.shape)
        param[...] = param * (1 + change)
    batches = shuffled_batches(32, rng, *learn)
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            train(model, batches, RULES[rule](rate), updates)
        except FloatingPointError:
            return DIVERGED, model
        return float(np.fmin(model.loss(*validation), DIVERGED)), model


def _score(name, model, test):
    inputs, targets = test
    if name == "sentences":
        return float(accuracy(model.predict(inputs), targets))
    y, _ = model.forward(inputs)
    return float(((y - targets)[:, 2:].astype(float) ** 2).mean())  # from the third position on


def baselines():
    """What needs no network: the majority class; the last value, and the pushes alone."""
    (learn, _, (_, labels)), _ = sentences()
    (_, _, (x, following)), noise = series()
    last = ((x - following)[:, 2:].astype(float) ** 2).mean()
    return {"majority": majority_accuracy(learn[1], labels), "last": last, "noise": noise}


def _validation(task, rule, settings):
    """Validation losses, a row a rate and a column a seed."""
    seeds, updates = settings["choosing_seeds"], settings["updates"]
    return [
        [float(f"{train_once(task, rule, rate, seed, updates)[0]:.4g}") for seed in seeds]
        for rate in settings["rates"][rule]
    ]


def _fresh(name, task, rule, rate, settings):
    """Scores on test data, a row a seed: as it is, and nudged."""

    def score(seed, nudge):
        _, model = train_once(task, rule, rate, seed, settings["updates"], nudge)
        return _score(name, model, task[2][2])

    return [[score(seed, nudge) for nudge in (0, settings["nudge"])] for seed in settings["seeds"]]


def run(settings, progress):
    """Return, by task and rule, the validation loss by rate, the choice, and what it gives."""
    results, every_task = {"baselines": baselines()}, tasks()
    for name, rule in progress(list(product(every_task, settings["rates"]))):
        task, rates = every_task[name], settings["rates"][rule]
        validation = _validation(task, rule, settings)
        best = int(np.mean(validation, axis=1).argmin())
        lower = max(best - 1, 0)
        scores = {at: _fresh(name, task, rule, rates[at], settings) for at in {best, lower}}
        results.setdefault(name, {})[rule] = {
            "validation": validation,
            "rate": rates[best],
            "lower_rate": rates[lower],
            "score": scores[best],
            "lower_score": scores[lower],
        }
    return results
