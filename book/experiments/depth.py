"""Does depth help where the number of parameters stays the same?

GRUs of one, two and three layers, each as wide as brings it closest to the parameters of the one
with a single layer, on two tasks here, the language of a name and the next character of Python's
help texts, and in depth_nested on the value of an expression such as "( max 3 ( min 4 1 ) 2 )".
"""

import numpy as np

from experiments._characters import help_characters, windows
from experiments._networks import matched_size
from rnn_course import data
from rnn_course.encoders import GRUEncoder
from rnn_course.metrics import accuracy, majority_accuracy
from rnn_course.models import SequenceModel, count_parameters
from rnn_course.optimisers import Adam
from rnn_course.text import Vocabulary, pad_sequences, shuffled_batches
from rnn_course.training import train

SETTINGS = {"seeds": [0, 1, 2, 3, 4], "layers": [1, 2, 3], "hidden": 32, "rate": 0.01}
SETTINGS |= {"updates": {"names": 600, "text": 800}}
SMALL = SETTINGS | {"seeds": [0], "updates": {"names": 200, "text": 200}}


def expression(rng, depth):
    """Tokens and value (0 to 4) of a random expression, at most so many operators deep."""
    if depth == 0 or rng.random() < 0.3:
        digit = int(rng.integers(5))
        return [str(digit)], digit
    operator = ("max", "min")[rng.integers(2)]
    parts = [expression(rng, depth - 1) for _ in range(rng.integers(2, 4))]
    tokens = [token for part, _ in parts for token in part]
    value = {"max": max, "min": min}[operator](value for _, value in parts)
    return ["(", operator, *tokens, ")"], value


def expressions(count, rng, depth=3, longest=30):
    """Different expressions with at least one operator in another, and their values."""
    found = {}
    while len(found) < count:
        tokens, value = expression(rng, depth)
        if tokens.count("(") > 1 and len(tokens) <= longest:
            found[tuple(tokens)] = value
    return list(found), np.array(list(found.values()))


def _classified(sequences, labels, rng):
    learn, test = data.split_rows(len(sequences), rng)
    vocabulary = Vocabulary(token for row in learn for token in sequences[row])
    tokens, lengths = pad_sequences([vocabulary.encode(s) for s in sequences])
    sides = [(tokens[rows], labels[rows], lengths[rows]) for rows in (learn, test)]
    return *sides, len(vocabulary), int(labels.max()) + 1, "last"


def tasks():
    """Both sides of each task's data, its vocabulary's size, classes, and where it answers."""
    names, labels = data.names_by_language()
    short = [name[:20] for name in names]
    learn, test, characters = help_characters()
    V = len(characters)
    pieces = windows(learn, 33, 7), windows(test[:15_000], 33, 32)
    sides = [(piece[:, :-1], piece[:, 1:], np.full(len(piece), 32)) for piece in pieces]
    nested = expressions(8000, np.random.default_rng(7))
    return {
        "names": _classified(short, labels, np.random.default_rng(8)),
        "text": (*sides, V, V, "every"),
        "expressions": _classified(*nested, np.random.default_rng(9)),
    }


def make(task, layers, size, rng):
    """A network for the task."""
    *_, V, K, output_at = task
    encoder = GRUEncoder(16, size, rng, num_layers=layers, dtype=np.float32)
    return SequenceModel(encoder, K, rng, V, 16, output_at)


def sizes_of(task, settings):
    """For each number of layers, the width and the number of parameters."""
    count = lambda layers, size: count_parameters(  # noqa: E731
        make(task, layers, size, np.random.default_rng(0))
    )
    wanted, sizes = count(1, settings["hidden"]), {}
    for layers in settings["layers"]:
        size = matched_size(lambda size, layers=layers: count(layers, size), wanted)
        sizes[layers] = size, count(layers, size)
    return sizes


def score(model, inputs, targets, lengths):
    """Share of right answers."""
    return float(accuracy(model.predict(inputs, lengths).ravel(), targets.ravel()))


def run(settings, progress):
    """Return by task and layers: width, parameters, held-out accuracy at each quarter, loss."""
    results = {}
    chosen = [(name, task) for name, task in tasks().items() if name in settings["updates"]]
    for name, task in progress(chosen):
        learn, test = task[:2]
        majority = majority_accuracy(learn[1].ravel(), test[1].ravel())
        results[name] = {"majority": float(majority)}
        for layers, (size, parameters) in sizes_of(task, settings).items():
            runs = {"size": size, "parameters": parameters, "curve": [], "train": [], "loss": []}
            for seed in settings["seeds"]:
                rng = np.random.default_rng(seed)
                model = make(task, layers, size, rng)
                batches = shuffled_batches(32, rng, *learn)
                updates, optimiser = settings["updates"][name], Adam(settings["rate"])
                evaluate = lambda model=model, test=test: score(model, *test)  # noqa: E731
                done = train(model, batches, optimiser, updates, 1.0, evaluate, updates // 4)
                runs["curve"].append([round(right, 4) for _, right in done.evaluations])
                runs["train"].append(score(model, *(column[:1000] for column in learn)))
                runs["loss"].append(round(float(model.loss(*test)), 4))
            results[name][str(layers)] = runs
    return results
