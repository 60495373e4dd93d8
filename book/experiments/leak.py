"""What does a network score that predicts the next character and has already read it?

Characters of Python's help texts, in windows. Three networks with about the same number of
parameters: one direction predicts the next character; both directions predict it too, although the
reverse one has read it; and both directions predict a character from what stands on its two sides.
"""

from collections import Counter, defaultdict

import numpy as np

from experiments._characters import help_characters, windows
from experiments._networks import Blank, matched_size
from rnn_course.activations import log_softmax, softmax
from rnn_course.encoders import GRUEncoder
from rnn_course.models import SequenceModel, count_parameters
from rnn_course.optimisers import Adam
from rnn_course.text import shuffled_batches
from rnn_course.training import train

SETTINGS = {"seeds": [0, 1, 2, 3, 4], "updates": 500, "hidden": 40, "T": 24, "written": 300}
SMALL = SETTINGS | {"seeds": [0], "updates": 150, "written": 100}
KINDS = ("one direction", "both, next", "both, blank")


def make(kind, size, V, rng):
    """A network of one of the three KINDS."""
    both = kind != "one direction"
    encoder = GRUEncoder(16, size, rng, bidirectional=both, dtype=np.float32)
    encoder = Blank(encoder) if kind == "both, blank" else encoder
    return SequenceModel(encoder, V, rng, V, 16)


def columns(kind, pieces):
    """Inputs and targets: the next character, or for the blank the character itself."""
    if kind == "both, blank":
        return pieces[:, :-1], pieces[:, :-1]
    return pieces[:, :-1], pieces[:, 1:]


def bits_by_step(model, inputs, targets):
    """Bits a character at each step of a window, (T,)."""
    y, _ = model.forward(inputs)
    log_p = log_softmax(y.astype(np.float64))  # (N, T, V)
    return -np.take_along_axis(log_p, targets[..., None], 2)[..., 0].mean(axis=0) / np.log(2)


def write(model, prompt, count, rng):
    """Go on from a prompt: read what there is, both ways, and draw from the last output."""
    text = list(prompt)
    for _ in range(count):
        y, _ = model.forward(np.array([text[-len(prompt) :]]))
        text.append(rng.choice(y.shape[2], p=softmax(y[0, -1].astype(np.float64))))
    return text[len(prompt) :]


def known_pieces(text, source, size=4):
    """Share of the different pieces of ``size`` characters in a text that occur in the source."""
    pieces, known = (
        {tuple(tokens[t : t + size]) for t in range(len(tokens) - size + 1)}
        for tokens in (text, source)
    )
    return len(pieces & known) / len(pieces)


def lookup_bits(context_of, learn, test, V):
    """Bits a character of a table that counts what stands in each context, plus a tenth."""
    counts = defaultdict(Counter)
    for t in range(1, len(learn) - 1):
        counts[context_of(learn, t)][learn[t]] += 1
    bits = 0.0
    for t in range(1, len(test) - 1):
        found = counts[context_of(test, t)]
        bits -= np.log2((found[test[t]] + 0.1) / (found.total() + 0.1 * V))
    return bits / (len(test) - 2)


def baselines(learn, test, V):
    """Bits a character of tables: no context, one character before, one on each side."""
    learn, test = learn.tolist(), test.tolist()
    contexts = {
        "unigram": lambda text, t: 0,
        "bigram": lambda text, t: text[t - 1],
        "both neighbours": lambda text, t: (text[t - 1], text[t + 1]),
    }
    return {name: lookup_bits(of, learn, test, V) for name, of in contexts.items()}


def run(settings, progress):
    """Return bits by step and kind, pieces of written text that are known, and samples."""
    learn, test, characters = help_characters()
    V, T = len(characters), settings["T"]
    pieces, held_out = windows(learn, T + 1, 5), windows(test[:20_000], T + 1, 20)
    count = lambda kind, size: count_parameters(make(kind, size, V, np.random.default_rng(0)))  # noqa: E731
    wanted, results = count(KINDS[0], settings["hidden"]), {"baselines": baselines(learn, test, V)}
    for kind in progress(KINDS):
        size = matched_size(lambda size, kind=kind: count(kind, size), wanted)
        result = {
            "size": size,
            "parameters": count(kind, size),
            "bits": [],
            "known": [],
            "text": [],
        }
        for seed in settings["seeds"]:
            rng = np.random.default_rng(seed)
            model = make(kind, size, V, rng)
            batches = shuffled_batches(32, rng, *columns(kind, pieces))
            train(model, batches, Adam(0.01), settings["updates"], max_norm=1.0)
            bits = bits_by_step(model, *columns(kind, held_out))
            result["bits"].append([round(float(b), 4) for b in bits])
            if kind != "both, blank":
                written = write(model, held_out[20 + seed, :T], settings["written"], rng)
                result["known"].append(known_pieces(written, learn.tolist()))
                result["text"].append("".join(characters.decode(written)))
        results[kind] = result
    return results
