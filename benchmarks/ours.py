"""Our side of each job."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.plan import HEADS
from rnn_course.attention import dot_product_attention_backward, dot_product_attention_forward
from rnn_course.gru import gru_backward, gru_forward
from rnn_course.lstm import lstm_backward, lstm_forward
from rnn_course.mingru import mingru_backward, mingru_forward
from rnn_course.rnn import rnn_backward, rnn_forward
from rnn_course.streaming import gru_stream, lstm_stream, rnn_stream
from rnn_course.transformer_layer import transformer_layer_backward, transformer_layer_forward

ONE_STATE = {
    "rnn": (rnn_forward, rnn_backward),
    "gru": (gru_forward, gru_backward),
    "mingru": (mingru_forward, mingru_backward),
}
STREAM = {"rnn": rnn_stream, "lstm": lstm_stream, "gru": gru_stream}


class Side(NamedTuple):
    """One side's passes over inputs that are already there."""

    forward: Callable  # () -> output, cache
    backward: Callable | None  # cache -> dx
    reset: Callable = lambda: None  # before each pass, untimed


def versions():
    """Versions of NumPy and of what it multiplies matrices with."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {"numpy": np.__version__, "blas": f"{blas['name']} {blas['version']}"}


def side(layer, what, inputs):
    """The passes of our layer. what: "whole", "lengths" or "steps"."""
    if what == "steps":
        return _steps(layer, inputs)
    make = {"lstm": _lstm, "attention": _attention, "transformer": _transformer}
    return make[layer](inputs) if layer in make else _one_state(layer, inputs)


def _lstm(inputs):
    def forward():
        (h, _), cache = lstm_forward(inputs.x, None, None, **inputs.params, lengths=inputs.lengths)
        return h, cache

    return Side(forward, lambda cache: lstm_backward(inputs.dh, None, cache)[0])


def _one_state(layer, inputs):
    run, back = ONE_STATE[layer]
    return Side(
        lambda: run(inputs.x, None, **inputs.params, lengths=inputs.lengths),
        lambda cache: back(inputs.dh, cache)[0],
    )


def _attention(inputs):
    return Side(
        lambda: dot_product_attention_forward(*inputs.x),
        lambda cache: dot_product_attention_backward(inputs.dh, cache)[0],
    )


def _transformer(inputs):
    def forward():
        (y, _), cache = transformer_layer_forward(inputs.x, inputs.params, HEADS, norm_first=False)
        return y, cache

    return Side(forward, lambda cache: transformer_layer_backward(inputs.dh, cache)[0])


def _steps(layer, inputs):
    """One step after another on a stream, which is made anew before each pass."""
    no_state = (None, None) if layer == "lstm" else (None,)
    stream = []

    def reset():
        stream[:] = [STREAM[layer](len(inputs.x), *no_state, **inputs.params)]

    def forward():
        step = stream[0]
        for t in range(inputs.x.shape[1]):
            h_t = step(inputs.x[:, t])  # (B, H), an LSTM's c_t beside it
        return (h_t[0] if layer == "lstm" else h_t), None

    return Side(forward, None, reset)
