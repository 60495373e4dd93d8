"""Our side of each job."""

import inspect
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.inputs import NotThere
from benchmarks.plan import HEADS
from rnn_course.gru import gru_backward, gru_forward, gru_step_forward
from rnn_course.lstm import lstm_backward, lstm_forward, lstm_step_forward
from rnn_course.mingru import mingru_backward, mingru_forward
from rnn_course.rnn import rnn_backward, rnn_forward, rnn_step_forward

ONE_STATE = {
    "rnn": (rnn_forward, rnn_backward),
    "gru": (gru_forward, gru_backward),
    "mingru": (mingru_forward, mingru_backward),
}


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
        return Side(lambda: _steps(layer, inputs), None)
    make = {"lstm": _lstm, "attention": _attention, "transformer": _transformer}
    return make[layer](inputs) if layer in make else _one_state(layer, inputs)


def _options(forward, lengths):
    if lengths is None:
        return {}
    if "lengths" not in inspect.signature(forward).parameters:
        raise NotThere(f"{forward.__name__} has no lengths")
    return {"lengths": lengths}


def _lstm(inputs):
    options = _options(lstm_forward, inputs.lengths)

    def forward():
        (h, _), cache = lstm_forward(inputs.x, None, None, **inputs.params, **options)
        return h, cache

    return Side(forward, lambda cache: lstm_backward(inputs.dh, None, cache)[0])


def _one_state(layer, inputs):
    run, back = ONE_STATE[layer]
    options = _options(run, inputs.lengths)
    return Side(
        lambda: run(inputs.x, None, **inputs.params, **options),
        lambda cache: back(inputs.dh, cache)[0],
    )


def _attention(inputs):
    try:
        from rnn_course.attention import dot_product_attention_backward as back
        from rnn_course.attention import dot_product_attention_forward as run
    except ImportError as reason:
        raise NotThere(str(reason)) from None
    return Side(
        lambda: run(*inputs.x),
        lambda cache: back(inputs.dh, cache)[0],
    )


def _transformer(inputs):
    from rnn_course.transformer import transformer_layer_backward, transformer_layer_forward

    def forward():
        (y, _), cache = transformer_layer_forward(inputs.x, inputs.params, HEADS, norm_first=False)
        return y, cache

    return Side(forward, lambda cache: transformer_layer_backward(inputs.dh, cache)[0])


def _steps(layer, inputs):
    """One step after another, as on a stream: the last state, and no cache kept."""
    B, T, _ = inputs.x.shape
    h_t = c_t = np.zeros((B, inputs.dh.shape[2]), dtype=np.float32)  # (B, H)
    step = {"rnn": rnn_step_forward, "gru": gru_step_forward}.get(layer)
    for t in range(T):
        x_t = inputs.x[:, t]  # (B, D)
        if layer == "lstm":
            (h_t, c_t), _ = lstm_step_forward(x_t, h_t, c_t, **inputs.params)
        else:
            h_t, _ = step(x_t, h_t, **inputs.params)
    return h_t, None
