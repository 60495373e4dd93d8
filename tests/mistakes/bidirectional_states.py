"""Answers to: the states of both directions, side by side."""

import numpy as np

from rnn_course.rnn import rnn_forward, rnn_step_forward

from . import Answers
from .reverse_padded import index_of_each_step as turned

answers = Answers("bidirectional_states")


def real(x, lengths):
    return (np.arange(x.shape[1]) < lengths[:, None])[:, :, None]  # (B, T, 1)


def chain(x, lengths, W_xh, W_hh, b_h):
    return rnn_forward(x, None, W_xh, W_hh, b_h, lengths=lengths)[0]


def unmasked(x, W_xh, W_hh, b_h):
    return rnn_forward(x, None, W_xh, W_hh, b_h)[0]


@answers.right
def two_runs(x, lengths, W_xh, W_hh, b_h, W_xh_reverse, W_hh_reverse, b_h_reverse):
    forward = chain(x, lengths, W_xh, W_hh, b_h)
    backward = chain(turned(x, lengths), lengths, W_xh_reverse, W_hh_reverse, b_h_reverse)
    return np.concatenate([forward, turned(backward, lengths)], axis=-1)


@answers.right
def masked_afterwards(x, lengths, *weights):
    forward = unmasked(x, *weights[:3])
    backward = turned(unmasked(turned(x, lengths), *weights[3:]), lengths)
    return np.where(real(x, lengths), np.dstack([forward, backward]), 0)


@answers.right
def row_by_row(x, lengths, *weights):
    h = np.zeros((*x.shape[:2], 2 * len(weights[1])), dtype=x.dtype)
    for j, length in enumerate(lengths):
        row = x[j : j + 1, :length]
        both = unmasked(row, *weights[:3]), unmasked(row[:, ::-1], *weights[3:])[:, ::-1]
        h[j, :length] = np.hstack([states[0] for states in both])
    return h


@answers.right
def loop_from_the_end(x, lengths, U, W, b, U_reverse, W_reverse, b_reverse):
    B, T, _ = x.shape
    H = len(b)
    h = np.zeros((B, T, 2 * H), dtype=x.dtype)
    h_t, here = np.zeros((B, H), dtype=x.dtype), real(x, lengths)
    for t in range(T):
        h_t = np.tanh(x[:, t] @ U.T + h_t @ W.T + b)
        h[:, t, :H] = h_t * here[:, t]
    h_t = np.zeros((B, H), dtype=x.dtype)
    for t in range(T - 1, -1, -1):
        h_t = np.tanh(x[:, t] @ U_reverse.T + h_t @ W_reverse.T + b_reverse) * here[:, t]
        h[:, t, H:] = h_t
    return h


@answers.right
def einsum_over_steps(x, lengths, *weights):
    def run(order, U, W, b):
        states = [None] * x.shape[1]
        h_t = np.zeros((len(x), len(b)), dtype=x.dtype)
        for t in order:
            a_t = np.einsum("bd,hd->bh", x[:, t], U) + np.einsum("bk,hk->bh", h_t, W) + b
            h_t = np.where((t < lengths)[:, None], np.tanh(a_t), 0 * h_t)
            states[t] = h_t
        return np.stack(states, axis=1)

    steps = range(x.shape[1])
    return np.concatenate([run(steps, *weights[:3]), run(steps[::-1], *weights[3:])], axis=2)


@answers.right
def package_steps_in_lists(x, lengths, *weights):
    H, T = len(weights[2]), x.shape[1]
    rows = []
    for row, length in zip(x, lengths, strict=True):
        parts = []
        for order, params in ((range(length), weights[:3]), (range(length)[::-1], weights[3:])):
            h_t, states = np.zeros((1, H), dtype=x.dtype), np.zeros((T, H), dtype=x.dtype)
            for t in order:
                h_t, _ = rnn_step_forward(row[t][None], h_t, *params)
                states[t] = h_t[0]
            parts.append(states)
        rows.append(np.concatenate(parts, axis=1))
    return np.array(rows)


@answers.right
def one_run_of_both_chains(x, lengths, U, W, b, U_reverse, W_reverse, b_reverse):
    """One network of 2H units whose halves do not see each other."""
    H, zeros = len(b), np.zeros_like
    U_both = np.block([[U, zeros(U)], [zeros(U), U_reverse]])
    W_both = np.block([[W, zeros(W)], [zeros(W), W_reverse]])
    both = np.dstack([x, turned(x, lengths)])
    h = chain(both, lengths, U_both, W_both, np.concatenate([b, b_reverse]))
    return np.dstack([h[..., :H], turned(h[..., H:], lengths)])


@answers.right
def groups_of_one_length(x, lengths, *weights):
    H = len(weights[2])
    h = np.zeros((*x.shape[:2], 2 * H), dtype=x.dtype)
    for n in {*lengths.tolist()} - {0}:
        rows = np.flatnonzero(lengths == n)
        inside = x[rows, :n]
        h[rows, :n, :H] = unmasked(inside, *weights[:3])
        h[rows, :n, H:] = unmasked(inside[:, ::-1], *weights[3:])[:, ::-1]
    return h


@answers.right
def step_by_recursion(x, lengths, *weights):
    def state(row, t, n, step, U, W, b):
        if not 0 <= t < n:
            return np.zeros_like(b)
        return np.tanh(U @ row[t] + W @ state(row, t - step, n, step, U, W, b) + b)

    return np.array([
        [
            np.concatenate([state(row, t, n, 1, *weights[:3]), state(row, t, n, -1, *weights[3:])])
            * (t < n)
            for t in range(len(row))
        ]
        for row, n in zip(x, lengths, strict=True)
    ])  # fmt: skip


def backward_half(name, says, keeps, run):
    """An answer whose forward half is right."""

    @answers.mistake(name, says, keeps)
    def _(x, lengths, *weights):
        return np.dstack([chain(x, lengths, *weights[:3]), run(x, lengths, *weights[3:])])


backward_half("not put back", "in the order of reading", 2 / 12,
              lambda x, n, *reverse: chain(turned(x, n), n, *reverse))  # fmt: skip
backward_half("turned with the padding", "with their padding", 4 / 12,
              lambda x, n, *r: real(x, n) * unmasked(x[:, ::-1], *r)[:, ::-1])  # fmt: skip
backward_half("put back with the padding", "put back with the padding", 3 / 12,
              lambda x, n, *reverse: chain(turned(x, n), n, *reverse)[:, ::-1])  # fmt: skip
backward_half("lengths of what was turned with padding", "lengths then leave out", 3 / 12,
              lambda x, n, *reverse: chain(x[:, ::-1], n, *reverse)[:, ::-1])  # fmt: skip
backward_half("the second chain reads forward", "the second chain reads forward", 2 / 12,
              lambda x, n, *reverse: chain(x, n, *reverse))  # fmt: skip
backward_half("read forward and turned then", "come from reading forward", 2 / 12,
              lambda x, n, *reverse: turned(chain(x, n, *reverse), n))  # fmt: skip
backward_half("padding of the backward half kept", "missing in the backward half", 7 / 12,
              lambda x, n, *reverse: turned(unmasked(turned(x, n), *reverse), n))  # fmt: skip


@lambda run: backward_half("the state before each step", "one step late", 2 / 12, run)
def _(x, n, *reverse):
    h = turned(chain(turned(x, n), n, *reverse), n)
    return np.concatenate([h[:, 1:], 0 * h[:, :1]], axis=1)


@lambda run: backward_half(
    "the end of the chain at every step", "stands at every step", 1 / 12, run
)
def _(x, n, *reverse):
    h = turned(chain(turned(x, n), n, *reverse), n)
    return np.repeat(h[:, :1], x.shape[1], axis=1)


@lambda run: backward_half("a loop from the padded end", "with their padding", 3 / 12, run)
def _(x, n, U, W, b):
    h_t, states = np.zeros((len(x), len(b)), dtype=x.dtype), []
    for t in range(x.shape[1] - 1, -1, -1):
        h_t = np.tanh(x[:, t] @ U.T + h_t @ W.T + b)
        states.insert(0, h_t)
    return np.stack(states, axis=1)


@lambda run: backward_half("fed with the forward states", "rest is right", 2 / 12, run)
def _(x, n, *reverse):
    above = chain(x, n, *reverse)[:, :, : x.shape[2]]
    return turned(chain(turned(above, n), n, *reverse), n)


def other_weights(name, says, keeps, change):
    @answers.mistake(name, says, keeps)
    def _(x, lengths, *weights):
        return two_runs(x, lengths, *change(*weights))


other_weights("one set of weights", "uses the weights of the forward one", 2 / 12,
              lambda U, W, b, *reverse: (U, W, b, U, W, b))  # fmt: skip
other_weights("weights exchanged", "weights are exchanged", 1 / 12,
              lambda U, W, b, *reverse: (*reverse, U, W, b))  # fmt: skip
other_weights("W_hh of the forward chain", "takes W_hh of the forward one", 2 / 12,
              lambda U, W, b, U_r, W_r, b_r: (U, W, b, U_r, W, b_r))  # fmt: skip
other_weights("b_h of the forward chain", "takes b_h of the forward one", 2 / 12,
              lambda U, W, b, U_r, W_r, b_r: (U, W, b, U_r, W_r, b))  # fmt: skip
other_weights("W_hh_reverse the wrong way round", "uses W_hh the wrong way round", 2 / 12,
              lambda U, W, b, U_r, W_r, b_r: (U, W, b, U_r, W_r.T, b_r))  # fmt: skip
other_weights("no bias in the backward chain", "has no bias", 2 / 12,
              lambda U, W, b, U_r, W_r, b_r: (U, W, b, U_r, W_r, 0 * b_r))  # fmt: skip


def joined(name, says, keeps, join):
    @answers.mistake(name, says, keeps)
    def _(*given):
        return join(*np.split(two_runs(*given), 2, axis=2))


joined("backward states first", "in the wrong order", 1 / 12, lambda f, b: np.dstack([b, f]))
joined("added", "the two states are added", 0, lambda f, b: f + b)
joined("averaged", "are averaged", 0, lambda f, b: (f + b) / 2)
joined(
    "alternating", "alternate", 1 / 12, lambda f, b: np.stack([f, b], -1).reshape(*f.shape[:2], -1)
)
joined("joined along time", "joined along time", 0, lambda f, b: np.concatenate([f, b], axis=1))
joined("joined along the batch", "joined along the batch", 0, lambda f, b: np.concatenate([f, b]))
joined("a pair of arrays", "expected h alone", 0, lambda f, b: (f, b))
joined(
    "the forward half twice", "both halves are the forward", 2 / 12, lambda f, b: np.dstack([f, f])
)
joined("stacked on a new axis", "expected (4, 7, 10)", 0, lambda f, b: np.stack([f, b], axis=2))
joined("float64 zeros", "comes out as float64", 11 / 12,
       lambda f, b: np.zeros((*f.shape[:2], 2 * f.shape[2])) + np.dstack([f, b]))  # fmt: skip


@answers.mistake("padding not zero", "those at padded steps should be zero", keeps=7 / 12)
def _(x, lengths, *weights):
    backward = turned(unmasked(turned(x, lengths), *weights[3:]), lengths)
    return np.dstack([unmasked(x, *weights[:3]), backward])


@answers.mistake("turned with the padding, not zero", "with their padding", keeps=3 / 12)
def _(x, lengths, *weights):
    backward = unmasked(x[:, ::-1], *weights[3:])[:, ::-1]
    return np.dstack([unmasked(x, *weights[:3]), backward])


@answers.mistake(
    "backward chain from the last state", "from the forward chain's last state", 2 / 12
)
def _(x, lengths, *weights):
    forward = chain(x, lengths, *weights[:3])
    last = forward[np.arange(len(x)), lengths - 1]
    backward = rnn_forward(turned(x, lengths), last, *weights[3:], lengths=lengths)[0]
    return np.dstack([forward, turned(backward, lengths)])


@answers.mistake("the final states as well", "expected h alone")
def _(x, lengths, *weights):
    h = two_runs(x, lengths, *weights)
    return h, h[:, -1]


@answers.mistake("x turned in place", "writes into its input x", keeps=11 / 12)
def _(x, lengths, *weights):
    result = two_runs(x, lengths, *weights)
    x[:] = turned(x, lengths)
    return result


@answers.mistake(
    "all states turned round at the end", "the forward states are turned", keeps=5 / 12
)
def _(x, lengths, *weights):
    forward = chain(x, lengths, *weights[:3])
    return turned(np.dstack([forward, chain(turned(x, lengths), lengths, *weights[3:])]), lengths)


@answers.mistake("padding of x set to zero", "a state goes on without input", keeps=7 / 12)
def _(x, lengths, *weights):
    x = x * real(x, lengths)
    return np.dstack(
        [unmasked(x, *weights[:3]), turned(unmasked(turned(x, lengths), *weights[3:]), lengths)]
    )


@answers.mistake("cut at the longest length", "expected (4, 7, 10)", keeps=2 / 12)
def _(x, lengths, *weights):
    return two_runs(x, lengths, *weights)[:, : lengths.max()]


@answers.mistake("states and cache together", "'tuple' object has no attribute", keeps=0)
def _(x, lengths, *weights):
    forward = rnn_forward(x, None, *weights[:3], lengths=lengths)
    backward = rnn_forward(turned(x, lengths), None, *weights[3:], lengths=lengths)
    return np.concatenate([forward, turned(backward, lengths)], axis=2)


@answers.mistake("rows of their own lengths", "rows of different lengths", keeps=2 / 12)
def _(x, lengths, *weights):
    h = two_runs(x, lengths, *weights)
    return [row[:n] for row, n in zip(h, lengths, strict=True)]
