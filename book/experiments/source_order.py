"""Is it the order of the source, the width of the state, or sources never seen that long?

More on the task of number_translation, by exact matches on held-out numbers. The targets are also
written backwards, so that reading the source backwards brings the words that belong together
apart. A wider network, one with three times as many updates and one that reads in both directions
stand beside. Two networks are trained on sources of at most ten words and tested on those and on
longer ones.
"""

from experiments import _translation as t
from rnn_course.models import count_parameters

VARIANTS = {
    "target backwards": ({"target_backwards": True}, {}),
    "both backwards": ({"target_backwards": True, "source_backwards": True}, {}),
    "both directions": ({}, {"bidirectional": True}),
    "wide": ({}, {"hidden_size": 96}),
    "trained longer": ({}, {"updates": 1800}),
    "plain, short": ({}, {"longest": 10}),
    "dot product, short": ({}, {"longest": 10, "attention": "dot product"}),
}
SETTINGS = {"hidden_size": 48, "updates": 600, "train": 6000, "test": 1500}
SETTINGS |= {"edges": [1, 5, 7, 9, 11, 13, 15, 30]}
SETTINGS |= {"seeds": [0, 1, 2, 3, 4], "variants": list(VARIANTS)}
SMALL = SETTINGS | {"updates": 300, "train": 3000, "test": 600, "seeds": [0]}
SMALL |= {"variants": ["plain, short", "dot product, short"], "edges": [1, 7, 11, 30]}


def measured(name, seed, settings):
    """Size and exact matches of one network, all and by the length of the source."""
    sides, options = VARIANTS[name]
    pairs = t.Pairs(seed, settings["train"], settings["test"], **sides)
    options = {name: settings[name] for name in ("hidden_size", "updates")} | options
    model = t.trained(pairs, seed, **options)
    right = t.right(model, pairs, pairs.test)
    lengths = pairs.x_lengths[pairs.test]
    return {
        "parameters": count_parameters(model),
        "exact": float(right.mean()),
        "exact_by_length": t.by_length(right, lengths, settings["edges"]),
    }


def run(settings, progress):
    """Return, by variant, each measurement with one entry a seed."""
    return t.every_variant(measured, settings, progress)
