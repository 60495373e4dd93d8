"""Does a Transformer read better than recurrent networks of its size in the same time?

Two tasks with one answer a sequence: praise or blame where "never" or "always" stands far before
the adjective, and the language of a name from its letters. All networks have about as many
parameters, the same batches and the same processor time; the learning rate of each is chosen on
validation data with a seed that is not reported.
"""

import numpy as np

from experiments import _transformer as shared
from rnn_course import data
from rnn_course.metrics import accuracy, majority_accuracy
from rnn_course.models import SequenceModel
from rnn_course.text import Vocabulary, pad_sequences

NAMES = ["LSTM", "GRU", "minGRU", "Transformer"]
SETTINGS = {"rates": [0.003, 0.01], "seconds": 2.5, "choosing_seed": 10}
SETTINGS |= {"seeds": [0, 1, 2, 3, 4], "distance": 40, "tasks": ["far word", "names"]}
SMALL = SETTINGS | {"rates": [0.003], "seconds": 1.5, "seeds": [0], "tasks": ["names"]}


def far_words(distance):
    """Sentences and labels; groups that differ in "never" and "always" alone."""
    sentences, labels = data.negation_sentences(3000, np.random.default_rng(1000), distance)
    return (
        sentences,
        labels,
        [tuple(w for w in s if w not in ("never", "always")) for s in sentences],
    )


def names(_):
    """Names as lists of letters, the number of their language, groups of one."""
    texts, labels = data.names_by_language()
    return [list(text) for text in texts], labels, texts


def parts(sequences, labels, groups):
    """(tokens, labels, lengths) of training, validation and test rows, and the vocabulary."""
    rng = np.random.default_rng(1000)
    learn, rest = data.split_groups(groups, rng, 0.3)
    halves = data.split_groups([groups[row] for row in rest], rng, 0.5)
    words = Vocabulary(token for row in learn for token in sequences[row])
    tokens, lengths = pad_sequences([words.encode(s) for s in sequences])  # (N, T), (N,)
    rows = {"train": learn, "validation": rest[halves[0]], "test": rest[halves[1]]}
    return {name: (tokens[r], labels[r], lengths[r]) for name, r in rows.items()}, words


def _task(split, size, settings, progress):
    classes = int(split["train"][1].max()) + 1

    def model_of(encoder, rng):
        return SequenceModel(encoder, classes, rng, size, shared.D, output_at="last")

    build = shared.builder(model_of)

    def score(model, part):
        tokens, labels, lengths = split[part]
        return float(accuracy(model.predict(tokens, lengths), labels))

    results = shared.compare(build, split["train"], score, NAMES, settings, progress)
    return results | {"majority": majority_accuracy(split["train"][1], split["test"][1])}


def run(settings, progress):
    """Return, by task, each network's results and the score of the majority class."""
    makers, results = {"far word": far_words, "names": names}, {}
    for task in settings["tasks"]:
        split, words = parts(*makers[task](settings["distance"]))
        results[task] = _task(split, len(words), settings, progress)
    return results
