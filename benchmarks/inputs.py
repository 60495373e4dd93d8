"""The arrays of one job: the same numbers for our side and for torch's, float32."""

from typing import NamedTuple

import numpy as np

from benchmarks.plan import HEADS
from rnn_course.gru import init_gru
from rnn_course.lstm import init_lstm
from rnn_course.mingru import init_mingru
from rnn_course.rnn import init_rnn
from rnn_course.transformer_layer import init_transformer_layer

INIT = {"rnn": init_rnn, "lstm": init_lstm, "gru": init_gru, "mingru": init_mingru}


class Inputs(NamedTuple):
    """What goes into a layer: x and the gradient dh with respect to its output."""

    x: np.ndarray  # (B, T, D); attention: (3, B, heads, T, H / heads), queries, keys and values
    dh: np.ndarray  # (B, T, H); attention: (B, heads, T, H / heads)
    params: dict
    lengths: np.ndarray | None  # (B,)


def draw(layer, size, with_lengths=False):
    """Inputs of a layer at a size, and lengths drawn uniformly from 1 to T, one of them T."""
    B, T, D, H = size
    rng = np.random.default_rng(2024)
    if layer == "attention":
        shapes = (3, B, HEADS, T, H // HEADS), (B, HEADS, T, H // HEADS)
    else:
        shapes = (B, T, H if layer == "transformer" else D), (B, T, H)
    x, dh = (rng.standard_normal(shape, dtype=np.float32) for shape in shapes)
    params = _parameters(layer, D, H, rng)
    lengths = rng.integers(1, T + 1, size=B) if with_lengths else None
    if with_lengths:
        lengths[rng.integers(B)] = T
    return Inputs(x, dh, params, lengths)


def _parameters(layer, D, H, rng):
    if layer == "attention":
        return {}
    if layer == "transformer":
        return init_transformer_layer(H, 4 * H, rng, dtype=np.float32)
    return INIT[layer](D, H, rng, dtype=np.float32)
