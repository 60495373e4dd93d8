"""How well does a GRU predict the next character of Python's help texts, and what does it write?

Topics are split between training and test anew for each seed, and a paragraph that several topics
share is kept once, so that nothing is tested from memory. Beside the network stand counts of runs
of characters, each leaning on the next shorter one.
"""

from collections import Counter
from itertools import cycle

import numpy as np

from rnn_course import data
from rnn_course.encoders import GRUEncoder
from rnn_course.models import SequenceModel, generate
from rnn_course.optimisers import Adam
from rnn_course.schedules import cosine_decay
from rnn_course.text import Vocabulary, stream_batches
from rnn_course.training import train

SETTINGS = {"seeds": [0, 1, 2], "hidden": 96, "updates": 2400, "every": 400, "rate": 0.015}
SETTINGS |= {"orders": [1, 2, 3, 4, 5, 6], "temperatures": [0.5, 1.0], "written": 240}
SMALL = SETTINGS | {"seeds": [0], "hidden": 64, "updates": 600, "every": 600, "orders": [1, 2, 3]}


def split_text(seed, held_out=0.1):
    """(training text, held-out text): whole topics, one paragraph a line, each paragraph once."""
    topics, seen = [], set()
    for text in data.python_help_text().values():
        blocks = [" ".join(block.split()) for block in text.split("\n\n")]
        topics.append("\n".join(b for b in dict.fromkeys(blocks) if b not in seen))
        seen.update(blocks)
    sides = data.split_rows(len(topics), np.random.default_rng(seed), held_out)
    return ["\n".join(topics[row] for row in rows) for rows in sides]


def counted_bits(learn, test, order):
    """Bits a character of ``test``, from counts in ``learn`` of runs of up to ``order``.

    The weight of the shorter runs is the number of different characters that followed (Witten and
    Bell, 1991, doi:10.1109/18.87000).
    """
    p = np.full(len(test), 1 / len(set(learn)))  # (N,)
    for n in range(1, order + 1):
        runs = Counter(learn[k : k + n] for k in range(len(learn) - n + 1))
        seen, kinds = Counter(), Counter()
        for run, count in runs.items():
            seen[run[:-1]] += count
            kinds[run[:-1]] += 1
        for t in range(n - 1, len(test)):
            run = test[t - n + 1 : t + 1]
            shorter = kinds[run[:-1]] * p[t]
            if shorter:
                p[t] = (runs[run] + shorter) / (seen[run[:-1]] + kinds[run[:-1]])
    return float(-np.log2(p).mean())


def network_bits(model, codes):
    """Bits a character of a text (N,), read once from its beginning to its end in 16 rows."""
    batches = stream_batches(codes, 16, (len(codes) - 1) // 16)
    return float(np.mean([model.loss(*batch) for batch in batches]) / np.log(2))


def sample(model, vocabulary, temperature, length):
    """What the network writes after a line break."""
    prompt, rng = vocabulary.encode("\n"), np.random.default_rng(0)
    return "".join(vocabulary.decode(generate(model, prompt, length, rng, temperature)))


def one_seed(seed, settings):
    learn, test = split_text(seed)
    vocabulary, rng = Vocabulary(learn), np.random.default_rng(seed)
    encoder = GRUEncoder(16, settings["hidden"], rng, dtype=np.float32)
    model = SequenceModel(encoder, len(vocabulary), rng, len(vocabulary), 16)
    batches = stream_batches(vocabulary.encode(learn), 32, 64)
    shuffled = [batches[k] for k in rng.permutation(len(batches))]
    optimiser = Adam(cosine_decay(settings["rate"], settings["updates"]))
    codes = vocabulary.encode(test)

    def score():
        return network_bits(model, codes)

    history = train(
        model, cycle(shuffled), optimiser, settings["updates"], 1.0, score, settings["every"]
    )
    return {
        "bits": history.evaluations,
        "counted": [counted_bits(learn, test, order) for order in settings["orders"]],
        "samples": [
            sample(model, vocabulary, t, settings["written"]) for t in settings["temperatures"]
        ],
        "characters": [len(learn), len(test), len(set(learn))],
    }


def run(settings, progress):
    """Return, for each seed, bits by update, those of the counts, samples, and sizes."""
    return {"seeds": [one_seed(seed, settings) for seed in progress(settings["seeds"])]}
