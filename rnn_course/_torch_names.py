"""Which of our parameters stand for which of torch's, by name, for each kind of layer.

Each pair is (our names, torch's names). Several of ours are stacked, row upon row, in one of
torch's; one of ours is the sum of several of torch's.
"""

import re

import numpy as np

from rnn_course._validate import require_shape


def _renamed(pairs, ours, theirs):
    """The pairs with each name put in the place {} of a longer one, on either side."""
    return [
        (tuple(ours.format(name) for name in a), tuple(theirs.format(name) for name in b))
        for a, b in pairs
    ]


MATRICES = [(("W_xh",), ("weight_ih",)), (("W_hh",), ("weight_hh",))]
ONE_BIAS = [*MATRICES, (("b_h",), ("bias_ih", "bias_hh"))]
TWO_BIASES = [*MATRICES, (("b_xh",), ("bias_ih",)), (("b_hh",), ("bias_hh",))]
LINEAR = [(("W",), ("weight",)), (("b",), ("bias",))]
NORM = [(("gamma",), ("weight",)), (("beta",), ("bias",))]
ATTENTION = [
    (("W_q", "W_k", "W_v"), ("in_proj_weight",)),
    (("b_q", "b_k", "b_v"), ("in_proj_bias",)),
    (("W_o",), ("out_proj.weight",)),
    (("b_o",), ("out_proj.bias",)),
]
FEEDFORWARD = _renamed(LINEAR, "{}_1", "linear1.{}") + _renamed(LINEAR, "{}_2", "linear2.{}")


def _layer(*sublayers):
    """Pairs of a Transformer layer: each sublayer's own and those of its norm."""
    pairs = []
    for number, (ours, theirs, own) in enumerate(sublayers, start=1):
        pairs += _renamed(own, f"{ours}_{{}}", theirs)
        pairs += _renamed(NORM, f"{ours}_{{}}", f"norm{number}.{{}}")
    return pairs


OWN = ("attention", "self_attn.{}", ATTENTION)
MEMORY = ("memory", "multihead_attn.{}", ATTENTION)
FEED = ("feedforward", "{}", FEEDFORWARD)
ENCODER_LAYER, DECODER_LAYER = _layer(OWN, FEED), _layer(OWN, MEMORY, FEED)

# By the name of the class in torch.nn
GATES = {"RNN": 1, "LSTM": 4, "GRU": 3}
RECURRENT = {"RNN": ONE_BIAS, "LSTM": ONE_BIAS, "GRU": TWO_BIASES}
TRANSFORMERS = {"TransformerEncoder": ENCODER_LAYER, "TransformerDecoder": DECODER_LAYER}
SINGLE = {
    "TransformerEncoderLayer": ENCODER_LAYER,
    "TransformerDecoderLayer": DECODER_LAYER,
    "MultiheadAttention": ATTENTION,
    "Linear": LINEAR,
    "Embedding": [(("E",), ("weight",))],
    "LayerNorm": NORM,
}
BIAS_IS_OPTIONAL = {*RECURRENT, "MultiheadAttention"}


def _recurrent_pairs(kind, layers, names):
    reverse = any(name.endswith("_reverse") for name in names)
    pairs = []
    for layer in layers:
        for direction in ("", "_reverse") if reverse else ("",):
            ours = (f"_l{layer}" if layer else "") + direction
            pairs += _renamed(RECURRENT[kind], f"{{}}{ours}", f"{{}}_l{layer}{direction}")
    return pairs


def _transformer_pairs(kind, layers, names):
    pairs = []
    for layer in layers:
        pairs += _renamed(TRANSFORMERS[kind], f"{{}}_l{layer}", f"layers.{layer}.{{}}")
    if {"gamma", "beta", "norm.weight", "norm.bias"} & set(names):
        pairs += _renamed(NORM, "{}", "norm.{}")
    return pairs


def name_pairs(kind, names):
    """All pairs of a layer of this kind, as large as these names, ours or torch's, tell.

    Raises:
        ValueError: an unknown kind.
    """
    numbers = [int(n) for name in names for n in re.findall(r"(?:_l|^layers\.)(\d+)", name)]
    layers = range(1 + max(numbers, default=0))
    if kind in RECURRENT:
        pairs = _recurrent_pairs(kind, layers, names)
    elif kind in TRANSFORMERS:
        pairs = _transformer_pairs(kind, layers, names)
    elif kind in SINGLE:
        pairs = SINGLE[kind]
    else:
        known = ", ".join([*RECURRENT, *TRANSFORMERS, *SINGLE])
        raise ValueError(f"kind is {kind!r}; expected a class of torch.nn: {known}")
    biased = any(name.startswith("b_") or "bias" in name for name in names)
    if kind in BIAS_IS_OPTIONAL and not biased:
        pairs = [(ours, theirs) for ours, theirs in pairs if not ours[0].startswith("b_")]
    return pairs


def require_names(source, given, expected):
    """Raise ValueError, with the differences listed, unless both hold the same names."""
    missing, unknown = sorted(set(expected) - set(given)), sorted(set(given) - set(expected))
    if missing or unknown:
        raise ValueError(
            f"{source}: missing {', '.join(missing) or 'nothing'}; "
            f"unknown {', '.join(unknown) or 'nothing'}"
        )


def require_gates(kind, params):
    """Raise ValueError unless each W_hh has the gates of this kind."""
    for name, param in params.items():
        if kind in GATES and name.startswith("W_hh"):
            H = param.shape[-1]
            require_shape(name, param, (GATES[kind] * H, H), f"{kind} of hidden size {H}")


def as_arrays(source, values):
    """Views of arrays or tensors as arrays; raise unless all are float32 or all are float64."""
    types = {str(value.dtype).removeprefix("torch."): name for name, value in values.items()}
    if len(types) > 1 or set(types) - {"float32", "float64"}:
        got = ", ".join(f"{name} of {dtype}" for dtype, name in types.items())
        raise ValueError(f"{source} must be all float32 or all float64, got {got}")
    return {
        name: value.detach().cpu().numpy() if hasattr(value, "detach") else value
        for name, value in values.items()
    }


def rows_of(name, param, parts):
    """The rows of an array in equal shares, by the names of the parts."""
    if param.ndim == 0 or len(param) % len(parts):
        raise ValueError(f"{name} has shape {param.shape}; {len(parts)} cannot share its rows")
    return dict(zip(parts, np.split(param, len(parts)), strict=True))
