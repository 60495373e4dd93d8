"""Answers to: run a vanilla RNN over whole sequences."""

from itertools import accumulate

import numpy as np

from . import Answers

answers = Answers("rnn_forward")


def step(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh(h_prev @ W_hh.T + x_t @ W_xh.T + b_h)


@answers.right
def states_in_a_list(x, h_0, *weights):
    states = [h_0]
    for t in range(x.shape[1]):
        states.append(step(x[:, t], states[-1], *weights))
    return np.stack(states[1:], axis=1)


@answers.right
def states_in_an_array(x, h_0, W_xh, W_hh, b_h):
    h = np.empty((*x.shape[:2], len(b_h)), dtype=x.dtype)
    for t in range(x.shape[1]):
        h[:, t] = step(x[:, t], h[:, t - 1] if t else h_0, W_xh, W_hh, b_h)
    return h


@answers.right
def all_inputs_multiplied_at_once(x, h_0, W_xh, W_hh, b_h):
    a_from_x = np.einsum("btd,hd->tbh", x, W_xh) + b_h
    return np.array(
        list(accumulate(a_from_x, lambda h, a: np.tanh(a + h @ W_hh.T), initial=h_0))[1:]
    ).transpose(1, 0, 2)


@answers.right
def one_sequence_after_the_other(x, h_0, W_xh, W_hh, b_h):
    rows = []
    for sequence, h_t in zip(x, h_0, strict=True):
        row = []
        for x_t in sequence:
            h_t = np.tanh(W_hh @ h_t + W_xh @ x_t + b_h)
            row.append(h_t)
        rows.append(row)
    return rows


@answers.right
def inputs_of_all_steps_first(x, h_0, W_xh, W_hh, b_h):
    from_x = np.einsum("btd,hd->bth", x, W_xh) + b_h
    h = np.empty_like(from_x)
    for t in range(x.shape[1]):
        before = h_0 if t == 0 else h[:, t - 1]
        h[:, t] = np.tanh(from_x[:, t] + np.einsum("bk,hk->bh", before, W_hh))
    return h


@answers.right
def recursion(x, h_0, *weights):
    if not x.shape[1]:
        return np.empty((*x.shape[:2], h_0.shape[1]), dtype=x.dtype)
    h_t = step(x[:, 0], h_0, *weights)
    return np.concatenate([h_t[:, None], recursion(x[:, 1:], h_t, *weights)], axis=1)


@answers.right
def a_generator(x, h_0, *weights):
    def states(h_t):
        for x_t in np.moveaxis(x, 1, 0):
            h_t = step(x_t, h_t, *weights)
            yield h_t

    return np.stack(list(states(h_0)), axis=1)


@answers.right
def one_array_from_h_0_on(x, h_0, W_xh, W_hh, b_h):
    B, T, _ = x.shape
    h = np.empty((T + 1, B, len(b_h)), dtype=x.dtype)
    h[0] = h_0
    for t in range(T):
        np.tanh(h[t] @ W_hh.T + x[:, t] @ W_xh.T + b_h, out=h[t + 1])
    return h[1:].swapaxes(0, 1)


@answers.right
def float64_inside(*inputs):
    wide = (value.astype(np.float64) for value in inputs)
    return states_in_a_list(*wide).astype(inputs[0].dtype)


@answers.mistake("h_0 ignored", "h_0 is ignored", keeps=1 / 8)
def _(x, h_0, *weights):
    h_t, states = np.zeros_like(h_0), []
    for t in range(x.shape[1]):
        h_t = step(x[:, t], h_t, *weights)
        states.append(h_t)
    return np.stack(states, axis=1)


@answers.mistake("state never carried on", "not carried on", keeps=1 / 8)
def _(x, h_0, *weights):
    return np.stack([step(x[:, t], h_0, *weights) for t in range(x.shape[1])], axis=1)


@answers.mistake("no state at all", "no state enters")
def _(x, h_0, W_xh, W_hh, b_h):
    return np.tanh(x @ W_xh.T + b_h)


@answers.mistake("states in reverse order", "in reverse order", keeps=1 / 8)
def _(x, h_0, *weights):
    return states_in_a_list(x, h_0, *weights)[:, ::-1]


@answers.mistake("read from the end", "read from its end", keeps=1 / 8)
def _(x, h_0, *weights):
    return states_in_a_list(x[:, ::-1], h_0, *weights)


@answers.mistake("only the last state", "only the last state is returned")
def _(x, h_0, *weights):
    return states_in_a_list(x, h_0, *weights)[:, -1]


@answers.mistake("the same array T times", "the last state stands at every step", keeps=1 / 8)
def _(x, h_0, *weights):
    h_t, states = h_0.copy(), []
    for t in range(x.shape[1]):
        h_t[:] = step(x[:, t], h_t, *weights)
        states.append(h_t)
    return np.stack(states, axis=1)


@answers.mistake("states one step late", "one step late")
def _(x, h_0, *weights):
    states = [h_0]
    for t in range(x.shape[1]):
        states.append(step(x[:, t], states[-1], *weights))
    return np.stack(states[:-1], axis=1)


@answers.mistake("h_0 in front of the states", "h_0 is returned in front")
def _(x, h_0, *weights):
    return np.concatenate([h_0[:, None], states_in_a_list(x, h_0, *weights)], axis=1)


@answers.mistake("stacked along axis 0", "time and batch are exchanged in the result")
def _(x, h_0, *weights):
    return np.stack(list(states_in_a_list(x, h_0, *weights).swapaxes(0, 1)))


@answers.mistake("loop over the batch", "over the batch instead of over time")
def _(x, h_0, *weights):
    h_t, states = h_0, []
    for x_t in x:
        h_t = step(x_t, h_t, *weights)
        states.append(h_t)
    return np.stack(states)


@answers.mistake("state runs on into the next sequence", "runs on into the next", keeps=1 / 8)
def _(x, h_0, *weights):
    h_t, rows = h_0[:1], []
    for j in range(len(x)):
        row = []
        for t in range(x.shape[1]):
            h_t = step(x[j : j + 1, t], h_t, *weights)
            row.append(h_t[0])
        rows.append(row)
    return np.array(rows)


@answers.mistake("the first input at every step", "time index of x does not move", keeps=1 / 8)
def _(x, h_0, *weights):
    return states_in_a_list(np.repeat(x[:, :1], x.shape[1], axis=1), h_0, *weights)


@answers.mistake("one step too few", "does the loop end one step too early", keeps=0)
def _(x, h_0, *weights):
    return states_in_a_list(x, h_0, *weights)[:, :-1]


@answers.mistake("W_hh transposed", "W_hh is used the wrong way round")
def _(x, h_0, W_xh, W_hh, b_h):
    return states_in_a_list(x, h_0, W_xh, W_hh.T, b_h)


@answers.mistake("np.zeros makes float64", "comes out as float64", keeps=7 / 8)
def _(x, h_0, W_xh, W_hh, b_h):
    h = np.zeros((*x.shape[:2], len(b_h)))
    for t in range(x.shape[1]):
        h[:, t] = h_0 = step(x[:, t], h_0, W_xh, W_hh, b_h)
    return h


@answers.mistake("h_0 overwritten", "writes into its input h_0", keeps=7 / 8)
def _(x, h_0, *weights):
    states = []
    for t in range(x.shape[1]):
        h_0[:] = step(x[:, t], h_0, *weights)
        states.append(h_0.copy())
    return np.stack(states, axis=1)


STATE = {}


@answers.mistake("state kept between batches", "carried over", keeps=0)
def _(x, h_0, *weights):
    h = states_in_a_list(x, STATE.get(h_0.shape, h_0 + 0.5), *weights)
    STATE[h_0.shape] = h[:, -1]
    return h


@answers.mistake("h_0 stored as the first state", "the first input is never read")
def _(x, h_0, W_xh, W_hh, b_h):
    h = np.zeros((*x.shape[:2], len(b_h)), dtype=x.dtype)
    h[:, 0] = h_0
    for t in range(1, x.shape[1]):
        h[:, t] = np.tanh(h[:, t - 1] @ W_hh.T + x[:, t] @ W_xh.T + b_h)
    return h


@answers.mistake("reshaped instead of exchanged", "reshape cuts the states up", keeps=0.25)
def _(x, h_0, W_xh, W_hh, b_h):
    h_t, states = h_0, []
    for t in range(x.shape[1]):
        h_t = np.tanh(h_t @ W_hh.T + x[:, t] @ W_xh.T + b_h)
        states.append(h_t)
    return np.array(states).reshape(*x.shape[:2], len(b_h))


@answers.mistake("return inside the loop", "stand inside the loop", keeps=0.125)
def _(x, h_0, *weights):
    h_t, states = h_0, []
    for t in range(x.shape[1]):
        h_t = step(x[:, t], h_t, *weights)
        states.append(h_t)
        return np.stack(states, axis=1)


@answers.mistake("the old state stored", "is the new state ever stored")
def _(x, h_0, *weights):
    states = []
    for t in range(x.shape[1]):
        h_t = step(x[:, t], h_0, *weights)  # noqa: F841 - that is the mistake
        states.append(h_0)
    return np.stack(states, axis=1)


@answers.mistake("the first sequence's h_0 for all", "the first sequence's h_0", keeps=0.25)
def _(x, h_0, *weights):
    return states_in_a_list(x, np.broadcast_to(h_0[0], h_0.shape), *weights)


@answers.mistake("inputs one step late", "the inputs are one step late", keeps=0.125)
def _(x, h_0, *weights):
    h_t, states = h_0, []
    for t in range(x.shape[1]):
        h_t = step(x[:, t - 1], h_t, *weights)
        states.append(h_t)
    return np.stack(states, axis=1)


@answers.mistake("concatenated instead of stacked", "np.concatenate lays the states")
def _(x, h_0, *weights):
    return np.concatenate(list(states_in_a_list(x, h_0, *weights).swapaxes(0, 1)), axis=1)


@answers.mistake("tanh of the stored states only", "the sum before tanh", keeps=0.125)
def _(x, h_0, W_xh, W_hh, b_h):
    a_t, states = h_0, []
    for t in range(x.shape[1]):
        a_t = a_t @ W_hh.T + x[:, t] @ W_xh.T + b_h
        states.append(np.tanh(a_t))
    return np.stack(states, axis=1)


@answers.mistake(
    "the first state at every step", "the first state stands at every step", keeps=0.125
)
def _(x, h_0, *weights):
    return np.stack([step(x[:, 0], h_0, *weights)] * x.shape[1], axis=1)
