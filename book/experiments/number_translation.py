"""What do attention and the order of the source do to translation?

Numbers in words from English into French, by encoder-decoders of GRUs. Each seed has its own
numbers, split and starting weights, shared by all variants. Scores are exact matches on held-out
numbers, all and by the length of the source; attention is also asked whether its weights fall on
the words that stand for the same digits, and what happens when its weights are shuffled.
"""

import numpy as np

from experiments import _translation as t
from rnn_course.models import count_parameters

VARIANTS = {
    "plain": {},
    "source backwards": {},
    "uniform": {"attention": "uniform"},
    "dot product": {"attention": "dot product"},
    "additive": {"attention": "additive"},
}
SETTINGS = {"hidden_size": 48, "updates": 600, "train": 6000, "test": 1500}
SETTINGS |= {"edges": [1, 5, 7, 9, 11, 13, 15, 30]}
SETTINGS |= {"seeds": [0, 1, 2, 3, 4], "variants": list(VARIANTS)}
SMALL = SETTINGS | {"updates": 300, "train": 3000, "test": 600, "seeds": [0]}
SMALL |= {"variants": ["plain", "dot product"], "edges": [1, 7, 11, 30]}


class Shuffled:
    """An attention whose weights are dealt anew among the real places of each source."""

    def __init__(self, attention, rng):
        self.attention, self.rng = attention, rng

    def prepare_forward(self, memory, mask=None):
        """As the attention itself."""
        return self.attention.prepare_forward(memory, mask)

    def step_forward(self, query, prepared):
        """Output and weights, with the weights in another order."""
        (_, p), cache = self.attention.step_forward(query, prepared)
        _, values, mask = prepared
        draw = np.where(mask[:, None], self.rng.random(p.shape), 2.0)  # padding stays last
        order = draw.argsort(axis=2)  # (B, T, S)
        p = np.take_along_axis(p, order, axis=2)  # (B, T, S)
        return (p @ values, p), cache


def alignment(model, pairs, rows):
    """Mean share of weight on the true words, share of words whose largest weight is there,
    and the number of words that equal weights of the same entropy would spread over."""
    arrays = (a[rows] for a in (pairs.x, pairs.x_lengths, pairs.y, pairs.y_lengths))
    p = model.attention_weights(*arrays).astype(float)  # (N, T, S)
    shares, hits, spreads = [], [], []
    for row, weights in zip(rows, p, strict=True):
        true = t.truth(pairs.source[row], pairs.target[row])  # (T, S)
        weights = weights[: len(true), : true.shape[1]]
        shares.append((weights * true).sum(axis=1))
        hits.append(true[np.arange(len(true)), weights.argmax(axis=1)])
        entropy = -(weights * np.log(np.maximum(weights, 1e-12))).sum(axis=1)
        spreads.append(np.exp(entropy))
    return [float(np.concatenate(values).mean()) for values in (shares, hits, spreads)]


def diagonal(pairs, rows):
    """Share of target words at whose own relative place in the source a true word stands."""
    hits = []
    for row in rows:
        true = t.truth(pairs.source[row], pairs.target[row])
        T, S = true.shape
        hits += [true[at, int((at + 0.5) * S / T)] for at in range(T)]
    return float(np.mean(hits))


def measured(name, seed, settings):
    """Everything that is said about one network."""
    sizes = settings["train"], settings["test"]
    pairs = t.Pairs(seed, *sizes, source_backwards=name == "source backwards")
    options = {"hidden_size": settings["hidden_size"]} | VARIANTS[name]
    model = t.trained(pairs, seed, settings["updates"], **options)
    right = t.right(model, pairs, pairs.test)
    lengths, edges = pairs.x_lengths[pairs.test], settings["edges"]
    tokens = t.right_tokens(model, pairs, pairs.test)
    known = pairs.train[: settings["test"]]
    learnt = t.right(model, pairs, known)
    found = {
        "parameters": count_parameters(model),
        "exact": float(right.mean()),
        "exact_by_length": t.by_length(right, lengths, edges),
        "tokens_by_length": t.by_length(tokens, lengths, edges),
        "training_exact_by_length": t.by_length(learnt, pairs.x_lengths[known], edges),
    }
    if model.attention is not None:
        found["alignment"] = alignment(model, pairs, pairs.test)
        found["diagonal"] = diagonal(pairs, pairs.test)
        model.attention = Shuffled(model.attention, np.random.default_rng(seed))
        found["shuffled"] = float(t.right(model, pairs, pairs.test).mean())
    return found


def run(settings, progress):
    """Return, by variant, each measurement with one entry a seed."""
    return t.every_variant(measured, settings, progress)
