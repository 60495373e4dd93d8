"""What the experiments on whole tasks share: networks of one size, a budget of processor time."""

import time

import numpy as np

from rnn_course.encoders import GRUEncoder, LSTMEncoder, MinGRUEncoder
from rnn_course.models import count_parameters
from rnn_course.optimisers import Adam
from rnn_course.text import shuffled_batches
from rnn_course.training import train
from rnn_course.transformer import TransformerEncoder

D = 32  # features of a token, in every network
RECURRENT = {
    "LSTM": lambda H, rng: LSTMEncoder(D, H, rng, dtype=np.float32),
    "GRU": lambda H, rng: GRUEncoder(D, H, rng, dtype=np.float32),
    "minGRU": lambda H, rng: MinGRUEncoder(D, H, rng, num_layers=2, dtype=np.float32),
}


def transformer(rng, num_layers=2, **options):
    """Layers of 4 heads and 64 hidden units over 32 features."""
    return TransformerEncoder(D, 4, 64, num_layers, rng, dtype=np.float32, **options)


def of_size(make, parameters):
    """The hidden size with which make(H) comes closest to so many parameters."""
    sizes = range(8, 120)
    return min(sizes, key=lambda H: abs(count_parameters(make(H)) - parameters))


def builder(model_of, **options):
    """A function of a name and an rng that returns model_of(encoder, rng), all of one size."""
    rng = np.random.default_rng(0)
    target = count_parameters(model_of(transformer(rng, **options), rng))
    sizes = {
        name: of_size(lambda H, make=make: model_of(make(H, rng), rng), target)
        for name, make in RECURRENT.items()
    }

    def build(name, rng):
        if name == "Transformer":
            return model_of(transformer(rng, **options), rng)
        return model_of(RECURRENT[name](sizes[name], rng), rng)

    return build


def train_for(model, batches, rate, seconds):
    """Train until so much processor time is spent; return the number of updates."""
    begin, updates, optimiser = time.process_time(), 0, Adam(rate)
    while time.process_time() - begin < seconds:
        train(model, batches, optimiser, 10, max_norm=1.0)
        updates += 10
    return updates


def compare(build, columns, score, names, settings, progress):
    """Each network at the rate that was best on validation data, on seeds of its own.

    Args:
        build: function of a name and an rng that returns a model. columns: what to train on.
        score: function of a model and "validation" or "test"; higher is better.
        names: of the networks. settings: with "rates", "seconds", "choosing_seed" and "seeds".

    Returns:
        {name: {"parameters", "rate", "validation" by rate, "test" by seed, "updates" by seed}}.
    """
    results = {}

    def once(name, rate, seed):
        rng = np.random.default_rng(seed)
        model = build(name, rng)
        batches = shuffled_batches(32, rng, *columns)
        return model, train_for(model, batches, rate, settings["seconds"])

    for name in progress(names):
        tried = [once(name, rate, settings["choosing_seed"])[0] for rate in settings["rates"]]
        validation = [score(model, "validation") for model in tried]
        rate = settings["rates"][int(np.argmax(validation))]
        chosen = [once(name, rate, seed) for seed in settings["seeds"]]
        results[name] = {
            "parameters": count_parameters(tried[0]),
            "rate": rate,
            "validation": [round(value, 4) for value in validation],
            "test": [round(score(model, "test"), 4) for model, _ in chosen],
            "updates": [updates for _, updates in chosen],
        }
    return results
