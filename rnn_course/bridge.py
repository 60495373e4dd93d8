"""The bridge from where one recurrent network's state ended to where another's starts.

Where the two states have the same form, they are handed on as they are. Else

s_0 = W_s s_S + b_s                                                       (eq-seq2seq-bridge)

with s_S all arrays of the end state side by side: both directions, all layers, h and c; and s_0
cut into the arrays that the other network wants.
"""

import numpy as np

from rnn_course.layers import init_linear, linear_backward, linear_forward


def _form(network):
    """(layers, directions, arrays in each of these, columns in each array)."""
    return network.num_layers, len(network.directions), network.num_states, network.hidden_size


def init_bridge(encoder, decoder, rng, dtype=np.float64):
    """Parameters {"W_s": (numbers of a start, numbers of an end), "b_s": (numbers of a start,)}.

    Drawn as torch.nn.Linear does; {} where the states of the two networks, of
    rnn_course.encoders, have the same form.
    """
    if _form(encoder) == _form(decoder):
        return {}
    params = init_linear(np.prod(_form(encoder)), np.prod(_form(decoder)), rng, dtype)
    return {"W_s": params["W"], "b_s": params["b"]}


def _join(state):
    """All arrays (B, H) of a state side by side."""
    return np.concatenate([array for arrays in state for array in arrays], axis=1)


def _cut(joined, form):
    """The state of this form from its arrays side by side: the opposite of _join."""
    layers, directions, each, _ = form
    arrays = np.split(joined, layers * directions * each, axis=1)  # (B, H) each
    return [tuple(arrays[k : k + each]) for k in range(0, len(arrays), each)]


def bridge_forward(end, encoder, decoder, W_s=None, b_s=None):
    """The state in which the decoder starts (eq-seq2seq-bridge), and a cache.

    Args:
        end: what encoder.forward returned as its state: a list of tuples of (B, H).
        W_s, b_s: from init_bridge; None where the states have the same form.

    Returns:
        start: a list of tuples of (B, H of the decoder). cache: opaque.
    """
    if W_s is None:
        return end, None
    s_0, cache = linear_forward(_join(end), W_s, b_s)  # (B, numbers of a start)
    return _cut(s_0, _form(decoder)), (cache, _form(encoder))


def bridge_backward(dstart, cache):
    """Gradients dend, like end, and grads {"W_s", "b_s"}, or {} where there are none."""
    if cache is None:
        return dstart, {}
    cache, form = cache
    dend, grads = linear_backward(_join(dstart), cache)  # (B, numbers of an end)
    return _cut(dend, form), {"W_s": grads["W"], "b_s": grads["b"]}
