"""What is measured: layers, sizes, and the jobs made of them. Nothing is imported, run or timed.

A size is (B, T, D, H): sequences, steps, input size, hidden size. A job is a dict that survives
JSON, so that it can be handed to the process that does it.
"""

RECURRENT = ("rnn", "lstm", "gru")
ATTENTIVE = ("attention", "transformer")
LAYERS = (*RECURRENT, "mingru", *ATTENTIVE)
HEADS = 4
GATES = {"rnn": 1, "lstm": 4, "gru": 3}

RECURRENT_SIZES = (
    (1, 50, 32, 64),
    (32, 50, 32, 64),
    (32, 100, 64, 128),
    (64, 200, 128, 256),
    (16, 1000, 64, 128),  # the last is left out of a quick run, here and below
)
ATTENTIVE_SIZES = (
    (1, 50, 64, 64),
    (32, 50, 64, 64),
    (32, 100, 128, 128),
    (16, 256, 128, 128),
    (4, 1024, 128, 128),
)
STEP_SIZES = ((1, 50, 32, 64), (1, 50, 64, 128), (32, 50, 64, 128))
MEMORY_SIZES = ((32, 100, 64, 128), (64, 200, 128, 256))
GROWTH_SIZE = (16, 64, 64, 128)
ATTENTION_LENGTHS = (256, 512, 1024, 2048, 4096)

# How long a job is timed: seconds, unless its fewest rounds take longer
FULL = {"seconds": 1.0, "rounds": 5}
QUICK = {"seconds": 0.15, "rounds": 2}


def parse_size(text):
    """(B, T, D, H) of a text such as 32x50x32x64."""
    size = tuple(int(part) for part in text.lower().split("x"))
    if len(size) != 4 or min(size) < 1:
        raise ValueError(f"{text!r} is not a size; write BxTxDxH, as in 32x50x32x64")
    return size


def size_text(size):
    """The text 32x50x32x64 of a size."""
    return "x".join(map(str, size))


def products(layer, size, training, real_steps=None):
    """Floating-point operations of the matrix products that a layer needs for one batch.

    A product of (N, M) with (M, K) takes 2 N M K. Each product of the forward pass has two in the
    backward pass, one for each factor's gradient. real_steps: how many of the B T steps a recurrent
    layer has to take where lengths differ.
    """
    B, T, D, H = size
    times = 3 if training else 1
    if layer == "mingru":
        return times * 2 * B * T * 2 * H * D
    if layer in GATES:
        return times * 2 * (real_steps or B * T) * GATES[layer] * H * (D + H)
    scores_and_sums = 4 * B * T * T * H
    projections = 24 * B * T * H * H  # queries, keys, values, output; to 4 H and back
    return times * (scores_and_sums + (projections if layer == "transformer" else 0))


def _is_possible(layer, size):
    return layer not in ATTENTIVE or size[3] % HEADS == 0


def timing_jobs(layers, sizes=None, quick=False):
    """Jobs that time our layer and torch's. sizes: None for each layer's own."""
    wanted = []
    for layer in layers:
        own = ATTENTIVE_SIZES if layer in ATTENTIVE else RECURRENT_SIZES
        chosen = sizes or (own[:-1] if quick else own)
        wanted += [("whole", layer, size) for size in chosen]
        if layer in RECURRENT:
            wanted += [("lengths", layer, size) for size in chosen if size[0] > 1]
            wanted += [("steps", layer, size) for size in sizes or STEP_SIZES]
    return [
        {"kind": "pair", "what": what, "layer": layer, "size": size, "training": training}
        | (QUICK if quick else FULL)
        for what, layer, size in wanted
        if _is_possible(layer, size)
        for training in ((False,) if what == "steps" else (False, True))
    ]


def growth_jobs(layers, sizes=None, quick=False):
    """Jobs that time our layer at one, two and four times as many steps, and sequences."""
    common = {"kind": "growth", "what": "whole", "training": True}
    common |= {"size": sizes[0] if sizes else GROWTH_SIZE} | (QUICK if quick else FULL)
    return [
        common | {"layer": layer, "axis": axis}
        for layer in layers
        if layer not in ATTENTIVE
        for axis in ("T", "B")
    ]


def grown(size, axis, times):
    """The size with ``times`` as many steps (axis T) or sequences (axis B)."""
    B, T, D, H = size
    return (B, T * times, D, H) if axis == "T" else (B * times, T, D, H)


def memory_jobs(layers, sizes=None, quick=False):
    """Jobs that measure the peak memory of one training pass of both sides."""
    wanted = []
    for layer in layers:
        if layer != "attention":
            wanted += [(layer, size) for size in sizes or MEMORY_SIZES[: 1 if quick else None]]
        else:
            lengths = [size[1] for size in sizes or ()]
            lengths = lengths or ATTENTION_LENGTHS[:: 4 if quick else 1]
            wanted += [(layer, (1, T, 128, 128)) for T in lengths]
    return [
        {"kind": "memory", "layer": layer, "size": size}
        for layer, size in wanted
        if _is_possible(layer, size)
    ]
