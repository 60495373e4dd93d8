"""Every recurrent encoder by name, its arrays in one flat dict, and the same network in torch."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import torch
from gradients import D, H, frozen, normal
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch_layers import gru_cell, lstm_cell, mingru_cell, minlstm_cell, rnn_cell, torch_stack

from rnn_course.encoders import (
    GRUEncoder,
    LSTMEncoder,
    MinGRUEncoder,
    MinLSTMEncoder,
    RNNEncoder,
)


def _kind(encoder, cell, **options):
    return SimpleNamespace(encoder=partial(encoder, **options), cell=partial(cell, **options))


RECURRENT = {
    "rnn tanh": _kind(RNNEncoder, rnn_cell),
    "rnn relu": _kind(RNNEncoder, rnn_cell, nonlinearity="relu"),
    "lstm": _kind(LSTMEncoder, lstm_cell),
    "gru after": _kind(GRUEncoder, gru_cell),
    "gru before": _kind(GRUEncoder, gru_cell, reset="before"),
    "mingru": _kind(MinGRUEncoder, mingru_cell),
    "mingru positive": _kind(MinGRUEncoder, mingru_cell, candidate="positive"),
    "minlstm": _kind(MinLSTMEncoder, minlstm_cell),
    "minlstm positive": _kind(MinLSTMEncoder, minlstm_cell, candidate="positive"),
}


def make(kind, rng, input_size=D, hidden_size=H, dtype=np.float64, **stack):
    """An encoder whose parameters are frozen and large enough that a wrong factor shows."""
    encoder = RECURRENT[kind].encoder(input_size, hidden_size, rng, dtype=dtype, **stack)
    encoder.params = {
        name: frozen(normal(rng, *param.shape, dtype=dtype) / 2)
        for name, param in encoder.params.items()
    }
    return encoder


def state_for(encoder, rng, B, dtype=np.float64):
    """A frozen state, or the gradient of one, of which nothing is zero."""
    one = range(encoder.num_states)
    count = encoder.num_layers * len(encoder.directions)
    return [
        tuple(normal(rng, B, encoder.hidden_size, dtype=dtype) for _ in one) for _ in range(count)
    ]


def named_state(state):
    """A state's arrays by name: state0_0, state0_1 (an LSTM's cell state), state1_0, ..."""
    return {f"state{k}_{j}": part for k, own in enumerate(state) for j, part in enumerate(own)}


def arrays_of(encoder, x, state):
    """What goes into an encoder, by name: x, the state if there is one, and the parameters."""
    return {"x": x} | named_state(state or []) | encoder.params


def _state_from(encoder, arrays):
    """The state back from its arrays by name; None where they are absent."""
    count = encoder.num_layers * len(encoder.directions)
    if "state0_0" not in arrays:
        return None
    return [tuple(arrays[f"state{k}_{j}"] for j in range(encoder.num_states)) for k in range(count)]


def flat(h, state):
    """h (B, T, ·) and a state side by side, (B, N): all that an encoder returns, in one array."""
    parts = [h.reshape(len(h), -1), *(part for own in state for part in own)]
    return (torch.cat if isinstance(h, torch.Tensor) else np.concatenate)(parts, 1)


def run(encoder, lengths=None, seed=None):
    """flat output as a function of arrays_of; a seed draws the same dropout each time."""

    def forward(**arrays):
        own = encoder.params
        encoder.params = {name: arrays[name] for name in own}
        rng = None if seed is None else np.random.default_rng(seed)
        try:
            return flat(
                *encoder.forward(arrays["x"], _state_from(encoder, arrays), lengths, rng)[0]
            )
        finally:
            encoder.params = own

    return forward


def run_in_torch(kind, encoder, lengths=None, truncation=None, masks=None):
    """The same function, step by step in torch; masks are what each layer's input is scaled by."""

    def forward(**arrays):
        x, own = arrays["x"], encoder.params
        encoder.params = {name: arrays[name] for name in own}
        params = [
            [encoder.layer_params(layer, direction) for direction in encoder.directions]
            for layer in range(encoder.num_layers)
        ]
        encoder.params = own
        state = _state_from(encoder, arrays)
        if state is None:
            zeros = x.new_zeros(len(x), encoder.hidden_size)
            state = [(zeros,) * encoder.num_states] * sum(map(len, params))
        each = len(encoder.directions)
        states = [state[k : k + each] for k in range(0, len(state), each)]
        cell = RECURRENT[kind].cell
        return flat(*torch_stack(cell, x, states, params, lengths, truncation, masks))

    return forward


def run_in_module(encoder, lengths=None):
    """The same function by torch.nn.RNN, LSTM or GRU itself, packing sequences of given lengths."""
    theirs = {"W_xh": "weight_ih", "W_hh": "weight_hh", "b_xh": "bias_ih", "b_hh": "bias_hh"}
    theirs["b_h"] = "bias_ih"
    options = {name: kind for name, kind in encoder._forward_options.items() if name != "reset"}
    module = getattr(torch.nn, type(encoder).__name__.removesuffix("Encoder"))(
        encoder.input_size,
        encoder.hidden_size,
        encoder.num_layers,
        bias="b_h" in encoder.params or "b_xh" in encoder.params,
        bidirectional=len(encoder.directions) == 2,
        batch_first=True,
        dtype=torch.float64,
        **options,
    )

    def forward(x, **arrays):
        state = _state_from(encoder, arrays)
        params = {name: torch.zeros_like(param) for name, param in module.named_parameters()}
        own, encoder.params = encoder.params, {name: arrays[name] for name in encoder.params}
        for layer in range(encoder.num_layers):
            for direction in encoder.directions:
                for name, param in encoder.layer_params(layer, direction).items():
                    params[f"{theirs[name]}_l{layer}{direction}"] = param
        encoder.params = own
        if state is not None:
            state = tuple(map(torch.stack, zip(*state, strict=True)))  # (N, B, H) each
            state = state[0] if encoder.num_states == 1 else state
        inputs = x
        if lengths is not None:
            inputs = pack_padded_sequence(
                x, torch.tensor(lengths), batch_first=True, enforce_sorted=False
            )
        h, ends = torch.func.functional_call(module, params, (inputs, state))
        if lengths is not None:
            h, _ = pad_packed_sequence(h, batch_first=True, total_length=x.shape[1])
        ends = [ends] if encoder.num_states == 1 else ends
        return flat(h, list(zip(*ends, strict=True)))

    return forward


def outputs_like(encoder, flat_outputs, T):
    """h (B, T, ·) and a state from what flat made of them."""
    B, H = len(flat_outputs), encoder.hidden_size
    size = T * encoder.output_size
    rest = flat_outputs[:, size:].reshape(B, -1, encoder.num_states, H)  # (B, N, S, H)
    state = [tuple(rest[:, k, j] for j in range(encoder.num_states)) for k in range(rest.shape[1])]
    return flat_outputs[:, :size].reshape(B, T, encoder.output_size), state


def flat_size(encoder, T):
    """Numbers that an encoder returns for one sequence."""
    states = encoder.num_layers * len(encoder.directions) * encoder.num_states
    return T * encoder.output_size + states * encoder.hidden_size


def gradients(encoder, x, state, upstream, lengths=None, truncation=None, seed=None):
    """Gradients of sum(upstream * run) by backward, named as arrays_of names the arrays."""
    rng = None if seed is None else np.random.default_rng(seed)
    _, cache = encoder.forward(x, state, lengths, rng)
    dh, dstate = outputs_like(encoder, upstream, x.shape[1])
    dx, dstate_0, grads = encoder.backward(dh, cache, dstate, truncation)
    return {"x": dx} | (named_state(dstate_0) if state else {}) | grads
