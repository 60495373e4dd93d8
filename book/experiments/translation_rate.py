"""Does a higher learning rate spare the plain translator the bottleneck, or the order of reading?

The plain networks of number_translation and source_order once more, on the same numbers, splits
and starting weights, with a learning rate twice as high. Exact matches on held-out numbers.
"""

from experiments import _translation as t

VARIANTS = {
    "plain": {},
    "source backwards": {"source_backwards": True},
    "target backwards": {"target_backwards": True},
    "both backwards": {"target_backwards": True, "source_backwards": True},
}
SETTINGS = {"hidden_size": 48, "updates": 600, "rate": 0.01, "train": 6000, "test": 1500}
SETTINGS |= {"edges": [1, 5, 7, 9, 11, 13, 15, 30]}
SETTINGS |= {"seeds": [0, 1, 2, 3, 4], "variants": list(VARIANTS)}
SMALL = SETTINGS | {"updates": 300, "train": 3000, "test": 600, "seeds": [0]}
SMALL |= {"variants": ["plain"], "edges": [1, 7, 11, 30]}


def measured(name, seed, settings):
    """Exact matches of one network, all and by the length of the source."""
    pairs = t.Pairs(seed, settings["train"], settings["test"], **VARIANTS[name])
    options = {name: settings[name] for name in ("hidden_size", "updates", "rate")}
    model = t.trained(pairs, seed, **options)
    right = t.right(model, pairs, pairs.test)
    lengths = pairs.x_lengths[pairs.test]
    by_length = t.by_length(right, lengths, settings["edges"])
    return {"exact": float(right.mean()), "exact_by_length": by_length}


def run(settings, progress):
    """Return, by variant, each measurement with one entry a seed."""
    return t.every_variant(measured, settings, progress)
