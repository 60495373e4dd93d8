"""Recurrent layers in torch, written from their equations: what the package's have to equal."""

import torch
from torch.nn.functional import linear

NONLINEARITIES = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


def rnn_cell(x_t, state, W_xh, W_hh, b_h=None, nonlinearity="tanh"):
    """One step of a vanilla RNN; states are tuples of (B, H) here and below."""
    (h_prev,) = state
    return (NONLINEARITIES[nonlinearity](linear(x_t, W_xh, b_h) + linear(h_prev, W_hh)),)


def lstm_cell(x_t, state, W_xh, W_hh, b_h=None):
    """One step of an LSTM, its gates stacked i, f, g, o."""
    h_prev, c_prev = state
    a_i, a_f, a_g, a_o = (linear(x_t, W_xh, b_h) + linear(h_prev, W_hh)).chunk(4, dim=1)
    c_t = torch.sigmoid(a_f) * c_prev + torch.sigmoid(a_i) * torch.tanh(a_g)
    return torch.sigmoid(a_o) * torch.tanh(c_t), c_t


def gru_cell(x_t, state, W_xh, W_hh, b_xh=None, b_hh=None, reset="after"):
    """One step of a GRU, its gates stacked r, z, n; "before" is Cho et al. (2014)."""
    (h_prev,), H = state, W_hh.shape[1]
    x_r, x_z, x_n = linear(x_t, W_xh, b_xh).chunk(3, dim=1)
    h_r, h_z, h_n = linear(h_prev, W_hh, b_hh).chunk(3, dim=1)
    r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
    if reset == "before":
        from_h = linear(r * h_prev, W_hh[2 * H :], None if b_hh is None else b_hh[2 * H :])
    else:
        from_h = r * h_n
    n = torch.tanh(x_n + from_h)
    return ((1 - z) * n + z * h_prev,)


def _candidate(a, candidate):
    return a if candidate == "linear" else torch.where(a >= 0, a + 0.5, torch.sigmoid(a))


def mingru_cell(x_t, state, W_xh, b_h=None, candidate="linear"):
    """One step of a minGRU, its gates stacked z, n."""
    a_z, a_n = linear(x_t, W_xh, b_h).chunk(2, dim=1)
    z = torch.sigmoid(a_z)
    return ((1 - z) * _candidate(a_n, candidate) + z * state[0],)


def minlstm_cell(x_t, state, W_xh, b_h=None, candidate="linear"):
    """One step of a minLSTM, its gates stacked i, f, g."""
    a_i, a_f, a_g = linear(x_t, W_xh, b_h).chunk(3, dim=1)
    i, f = torch.sigmoid(a_i), torch.sigmoid(a_f)
    return (f / (f + i) * state[0] + i / (f + i) * _candidate(a_g, candidate),)


def torch_layer(cell, x, state, lengths=None, truncation=None, reverse=False):
    """Run one layer step by step, where a sequence has a step, and keep its state where not.

    Args:
        cell: function (x_t, state) -> state. x: (B, T, D). state: tuple of (B, H).
        lengths: (B,) real steps, or None for T each. reverse: from the last real step to the first.
        truncation: the state is detached every so many steps, counted from where it starts.

    Returns:
        outputs: list of (B, T, H), each state after each step, zeros where padded.
        state: each sequence's own last one.
    """
    B, T = x.shape[:2]
    lengths = torch.full((B,), T) if lengths is None else torch.tensor(list(lengths))  # (B,)
    outputs = [[torch.zeros_like(part)] * T for part in state]
    for t in reversed(range(T)) if reverse else range(T):
        real = (t < lengths)[:, None]  # (B, 1)
        age = (lengths - 1 - t if reverse else torch.full((B,), t))[:, None]  # steps done before
        if truncation is not None:
            cut = real & (age > 0) & (age % truncation == 0)  # (B, 1)
            state = [torch.where(cut, part.detach(), part) for part in state]
        after = cell(x[:, t], state)
        state = [torch.where(real, *parts) for parts in zip(after, state, strict=True)]
        for output, part in zip(outputs, state, strict=True):
            output[t] = torch.where(real, part, 0)
    empty = x.new_zeros(B, 0, state[0].shape[1])
    return [torch.stack(output, dim=1) if T else empty for output in outputs], state


def torch_stack(cell, x, states, params, lengths=None, truncation=None, masks=None):
    """Run layers on top of each other, each in one or two directions.

    Args:
        cell: as for torch_layer, with the parameters by name. x: (B, T, D).
        params: list of layers, each a list of directions, each a dict of parameters.
        states: the same with a tuple of (B, H) each. masks: for each layer what its input is
            multiplied by, or None.

    Returns:
        h: (B, T, H or 2H). ends: list of tuples, the layers in order, each forward and reverse.
    """
    h, ends = x, []
    for layer, directions in enumerate(params):
        if masks is not None and masks[layer] is not None:
            h = h * masks[layer]
        runs = [
            torch_layer(
                lambda x_t, state, own=own: cell(x_t, state, **own),
                h,
                states[layer][reverse],
                lengths,
                truncation,
                bool(reverse),
            )
            for reverse, own in enumerate(directions)
        ]
        h = torch.cat([outputs[0] for outputs, _ in runs], dim=2)
        ends += [tuple(end) for _, end in runs]
    return h, ends
