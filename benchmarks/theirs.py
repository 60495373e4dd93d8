"""torch's side of each job, as its users write it: torch.nn modules in train mode.

Every parameter and x want gradients. Gradients are None before each pass, so that a backward pass
makes new ones, as ours does. Streaming runs in inference mode, which is torch at its quickest.
"""

import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.ours import Side

LAYER = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
CELL = {"rnn": torch.nn.RNNCell, "lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell}


def versions():
    """Version of torch."""
    return {"torch": torch.__version__}


def side(layer, what, inputs):
    """The passes of torch's layer. what: "whole", "lengths" or "steps"."""
    if what == "steps":
        cell = _with_parameters(CELL[layer], inputs)
        x = torch.tensor(inputs.x)
        return Side(lambda: _steps(layer, cell, x), None)
    if layer == "attention":
        return _passes(torch.nn.Module(), scaled_dot_product_attention, inputs)
    module = _with_parameters(LAYER[layer], inputs, batch_first=True)
    run = module if inputs.lengths is None else _packed(module, inputs)
    return _passes(module, lambda x: run(x)[0], inputs)


def _with_parameters(make, inputs, **options):
    """A module that holds our numbers."""
    H, D = inputs.dh.shape[2], inputs.x.shape[2]
    module = make(D, H, **options).train()
    params = inputs.params
    b_xh, b_hh = params.get("b_xh", params.get("b_h")), params.get("b_hh")
    b_hh = torch.zeros(len(b_xh)) if b_hh is None else torch.tensor(b_hh)
    ours = (torch.tensor(params["W_xh"]), torch.tensor(params["W_hh"]), torch.tensor(b_xh), b_hh)
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), ours, strict=True):
            parameter.copy_(value)
    return module


def _packed(module, inputs):
    """Sequences of different lengths as torch's users run them."""
    lengths, T = torch.tensor(inputs.lengths), inputs.x.shape[1]

    def run(x):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(module(packed)[0], batch_first=True, total_length=T)

    return run


def _passes(module, run, inputs):
    x = torch.tensor(inputs.x)
    leaves = [part.clone().requires_grad_() for part in (x if x.dim() > 3 else x[None])]
    dh = torch.tensor(inputs.dh)

    def forward():
        output = run(*leaves)
        return output, output

    def backward(output):
        output.backward(dh)
        return leaves[0].grad

    def reset():
        for leaf in leaves:
            leaf.grad = None
        module.zero_grad(set_to_none=True)

    return Side(forward, backward, reset)


@torch.inference_mode()
def _steps(layer, cell, x):
    state = None
    for t in range(x.shape[1]):
        state = cell(x[:, t], state)
    return (state[0] if layer == "lstm" else state), None
