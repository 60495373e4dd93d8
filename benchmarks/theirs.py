"""torch's side of each job, as its users write it: torch.nn modules in train mode.

Every parameter and x want gradients. Gradients are None before each pass, so that a backward pass
makes new ones, as ours does. Streaming runs in inference mode, which is torch at its quickest.
torch.nn has no minGRU: its side is a loop over the steps.
"""

import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.ours import Side
from benchmarks.plan import HEADS

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
    if layer == "mingru":
        return _mingru(inputs)
    if layer == "transformer":
        return _transformer(inputs)
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
    return _filled(module, ours)


def _filled(module, values):
    """The module, its parameters in their order set to these tensors."""
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), values, strict=True):
            parameter.copy_(value)
    return module


def _packed(module, inputs):
    """Sequences of different lengths as torch's users run them."""
    lengths, T = torch.tensor(inputs.lengths), inputs.x.shape[1]

    def run(x):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(module(packed)[0], batch_first=True, total_length=T)

    return run


def _transformer(inputs):
    size = inputs.x.shape[2]
    module = torch.nn.TransformerEncoderLayer(size, HEADS, 4 * size, dropout=0, batch_first=True)
    p = {name: torch.tensor(value) for name, value in inputs.params.items()}
    projections = [torch.cat([p[f"attention_{kind}_{x}"] for x in "qkv"]) for kind in "Wb"]
    names = """attention_W_o attention_b_o feedforward_W_1 feedforward_b_1 feedforward_W_2
        feedforward_b_2 attention_gamma attention_beta feedforward_gamma feedforward_beta"""
    _filled(module, [*projections, *(p[name] for name in names.split())])
    return _passes(module, module, inputs)


def _mingru(inputs):
    """Of torch's operations: torch.nn has no minGRU, and going step by step is how one begins."""
    D, H = inputs.x.shape[2], inputs.dh.shape[2]
    module = _filled(torch.nn.Linear(D, 2 * H), map(torch.tensor, inputs.params.values()))

    def run(x):
        a_z, n = module(x).chunk(2, dim=2)
        z = torch.sigmoid(a_z)
        added = (1 - z) * n
        h = [added[:, 0]]
        for t in range(1, x.shape[1]):
            h.append(added[:, t] + z[:, t] * h[-1])
        return torch.stack(h, dim=1)

    return _passes(module, run, inputs)


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
