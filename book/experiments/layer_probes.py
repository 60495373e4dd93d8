"""What can be read linearly from each layer of a stack that predicts the next character?

A GRU of three layers, trained on Python's help texts, and the same network as it was drawn. A
linear probe of the embedding and of each layer answers four questions about a held-out text.
"""

import numpy as np

from experiments._characters import help_characters, windows
from rnn_course.encoders import GRUEncoder
from rnn_course.layers import embedding_forward
from rnn_course.models import SequenceModel
from rnn_course.optimisers import Adam
from rnn_course.probes import linear_probe
from rnn_course.text import shuffled_batches
from rnn_course.training import train

SETTINGS = {"seeds": [0, 1, 2, 3, 4], "updates": 700, "hidden": 40, "T": 32, "pieces": 400}
SMALL = SETTINGS | {"seeds": [0], "updates": 100, "pieces": 150}
LAYERS = ("embedding", "layer 0", "layer 1", "layer 2")


def letters_since_space(pieces, space, most=9):
    """For each character how many stand before it in its word, at most so many."""
    since, count = np.zeros_like(pieces), np.zeros(len(pieces), dtype=int)  # (N, T), (N,)
    for t in range(pieces.shape[1]):
        count = np.where(pieces[:, t] == space, 0, np.minimum(count + 1, most))
        since[:, t] = count
    return since


def questions(pieces, space):
    """What is asked at steps 12 to T - 1 of pieces (N, T + 1), by name: (N, T - 12) classes."""
    since = letters_since_space(pieces, space)
    return {
        "this character": pieces[:, 12:-1],
        "two before": pieces[:, 10:-3],
        "place in the word": since[:, 12:-1],
        "next character": pieces[:, 13:],
    }


def states(model, inputs):
    """What each layer gives, (N, T, ·) each, the embedding first."""
    x, _ = embedding_forward(inputs, model.params["E"])  # (N, T, D)
    found = [x]
    for layer in range(model.encoder.num_layers):
        alone = GRUEncoder(x.shape[2], model.encoder.hidden_size, np.random.default_rng(0))
        alone.params = model.encoder.layer_params(layer)
        (x, _), _ = alone.forward(x)
        found.append(x)
    return found


def probe(model, pieces, space):
    """Accuracy and majority share of each question at each layer, fitted on half of the pieces."""
    asked, half = questions(pieces, space), len(pieces) // 2
    layers = [h[:, 12:].astype(np.float64) for h in states(model, pieces[:, :-1])]
    results = {}
    for name, classes in asked.items():
        pairs = [
            linear_probe(*((h[s].reshape(-1, h.shape[2]), classes[s].ravel()) for s in sides), 1.0)
            for h in layers
            for sides in [(slice(half), slice(half, None))]
        ]
        results[name] = [round(float(score), 4) for score, _ in pairs]
        results[name + ", majority"] = round(float(pairs[0][1]), 4)
    return results


def run(settings, progress):
    """Return probes of the trained and of the drawn network, one a seed."""
    learn, test, characters = help_characters()
    V, T, space = len(characters), settings["T"], characters.index[" "]
    pieces, held_out = windows(learn, T + 1, 7), windows(test, T + 1, 40)[: settings["pieces"]]
    results = {"trained": [], "drawn": []}
    for seed in progress(settings["seeds"]):
        rng = np.random.default_rng(seed)
        encoder = GRUEncoder(16, settings["hidden"], rng, num_layers=3, dtype=np.float32)
        model = SequenceModel(encoder, V, rng, V, 16)
        results["drawn"].append(probe(model, held_out, space))
        batches = shuffled_batches(32, rng, pieces[:, :-1], pieces[:, 1:])
        train(model, batches, Adam(0.01), settings["updates"], max_norm=1.0)
        results["trained"].append(probe(model, held_out, space))
    return results
