"""Answers to: the gradients of both directions."""

import numpy as np

from rnn_course.rnn import rnn_backward, rnn_forward, rnn_step_backward, rnn_step_forward

from . import Answers
from .bidirectional_states import real
from .reverse_padded import index_of_each_step as turned

answers = Answers("bidirectional_backward")


def way(dh, x, lengths, *weights):
    """dx and the gradients of one chain, in its own order of reading."""
    _, cache = rnn_forward(x, None, *weights, lengths=lengths)
    dx, _, grads = rnn_backward(dh, cache)
    return dx, grads


def keyed(forward, backward):
    return forward | {f"{name}_reverse": grad for name, grad in backward.items()}


@answers.right
def two_ways_back(dh, x, lengths, *weights):
    first, second = np.split(dh, 2, axis=-1)
    dx, grads = way(first, x, lengths, *weights[:3])
    dx_turned, others = way(turned(second, lengths), turned(x, lengths), lengths, *weights[3:])
    return dx + turned(dx_turned, lengths), keyed(grads, others)


@answers.right
def masked_without_lengths(dh, x, lengths, *weights):
    dh = np.where(real(x, lengths), dh, 0)
    H = len(weights[2])
    _, cache = rnn_forward(x, None, *weights[:3])
    dx, _, grads = rnn_backward(dh[..., :H], cache)
    _, cache = rnn_forward(turned(x, lengths), None, *weights[3:])
    other_dx, _, others = rnn_backward(turned(dh[..., H:], lengths), cache)
    return turned(other_dx, lengths) + dx, keyed(grads, others)


@answers.right
def row_by_row(dh, x, lengths, *weights):
    H, dx = len(weights[2]), np.zeros_like(x)
    names = "W_xh", "W_hh", "b_h"
    grads = keyed(
        {name: 0 * w for name, w in zip(names, weights[:3], strict=True)},
        {name: 0 * w for name, w in zip(names, weights[3:], strict=True)},
    )
    for j, n in enumerate(lengths):
        row, d_row = x[j : j + 1, :n], dh[j : j + 1, :n]
        full = np.array([n])
        forward, one = way(d_row[..., :H], row, full, *weights[:3])
        backward, other = way(d_row[:, ::-1, H:], row[:, ::-1], full, *weights[3:])
        dx[j, :n] = forward[0] + backward[0, ::-1]
        grads = {name: grads[name] + grad for name, grad in keyed(one, other).items()}
    return dx, grads


def chain_by_steps(dh, x, here, order, U, W, b):
    """One chain along an order of steps, here (B, T, 1) being the real ones."""
    h_t, caches = np.zeros((len(x), len(b)), dtype=x.dtype), {}
    for t in order:
        fresh, caches[t] = rnn_step_forward(x[:, t], h_t, U, W, b)
        h_t = np.where(here[:, t], fresh, 0)
    dx, dh_t = np.zeros_like(x), np.zeros_like(h_t)
    grads = {"W_xh": np.zeros_like(U), "W_hh": np.zeros_like(W), "b_h": np.zeros_like(b)}
    for t in order[::-1]:
        upstream = np.where(here[:, t], dh_t + dh[:, t], 0)
        dx[:, t], dh_t, step = rnn_step_backward(upstream, caches[t])
        for name in grads:
            grads[name] += step[name]
    return dx, grads


@answers.right
def steps_in_opposite_orders(dh, x, lengths, *weights):
    H, here, steps = len(weights[2]), real(x, lengths), range(x.shape[1])
    dx, grads = chain_by_steps(dh[..., :H], x, here, steps, *weights[:3])
    other_dx, others = chain_by_steps(dh[..., H:], x, here, steps[::-1], *weights[3:])
    return dx + other_dx, keyed(grads, others)


@answers.right
def einsum_by_hand(dh, x, lengths, *weights):
    H, here = len(weights[2]), real(x, lengths)

    def run(dh, x, U, W, b):
        h, _ = rnn_forward(x, None, U, W, b)
        da, dh_next = np.zeros_like(h), np.zeros_like(h[:, 0])
        for t in range(h.shape[1] - 1, -1, -1):
            da[:, t] = (dh[:, t] + dh_next) * (1 - h[:, t] ** 2)
            dh_next = da[:, t] @ W
        before = np.concatenate([0 * h[:, :1], h[:, :-1]], axis=1)
        dW_xh, dW_hh = (np.einsum("bth,btk->hk", da, below) for below in (x, before))
        return da @ U, {"W_xh": dW_xh, "W_hh": dW_hh, "b_h": da.sum(axis=(0, 1))}

    dh = dh * here
    dx, grads = run(dh[..., :H], x, *weights[:3])
    dx_turned, others = run(turned(dh[..., H:], lengths), turned(x, lengths), *weights[3:])
    return dx + turned(dx_turned, lengths), keyed(grads, others)


@answers.right
def one_way_through_both_chains(dh, x, lengths, U, W, b, U_r, W_r, b_r):
    """One network of 2H units whose halves do not see each other."""
    (H, D), zeros = U.shape, np.zeros_like
    both = np.block([[U, zeros(U)], [zeros(U), U_r]]), np.block([[W, zeros(W)], [zeros(W), W_r]])
    d_both = np.dstack([dh[..., :H], turned(dh[..., H:], lengths)])
    x_both = np.dstack([x, turned(x, lengths)])
    dx, grads = way(d_both, x_both, lengths, *both, np.concatenate([b, b_r]))
    first = {"W_xh": grads["W_xh"][:H, :D], "W_hh": grads["W_hh"][:H, :H], "b_h": grads["b_h"][:H]}
    other = {"W_xh": grads["W_xh"][H:, D:], "W_hh": grads["W_hh"][H:, H:], "b_h": grads["b_h"][H:]}
    return [dx[..., :D] + turned(dx[..., D:], lengths), keyed(first, other)]


@answers.right
def one_step_of_dh_at_a_time(dh, x, lengths, *weights):
    """The gradient is linear in dh."""
    total = None
    for t in range(dh.shape[1]):
        alone = np.zeros_like(dh)
        alone[:, t] = dh[:, t]
        dx, grads = two_ways_back(alone, x, lengths, *weights)
        if total is not None:
            dx, grads = dx + total[0], {name: grads[name] + total[1][name] for name in grads}
        total = dx, grads
    return total


@answers.right
def keys_in_another_order(*given):
    dx, grads = two_ways_back(*given)
    return dx, {name: grads[name] for name in sorted(grads, reverse=True)}


def second_way(name, says, keeps, run):
    """An answer whose forward chain is right; run gives the second chain's dx and gradients."""

    @answers.mistake(name, says, keeps)
    def _(dh, x, lengths, *weights):
        first, second = np.split(dh, 2, axis=-1)
        dx, grads = way(first, x, lengths, *weights[:3])
        other_dx, others = run(second, x, lengths, *weights[3:])
        return dx + other_dx, keyed(grads, others)


@lambda run: second_way("dh not turned", "the second half of dh is not turned", 2 / 14, run)
def _(dh, x, n, *weights):
    dx, grads = way(dh, turned(x, n), n, *weights)
    return turned(dx, n), grads


@lambda run: second_way("dx not put back", "in its order of reading", 5 / 14, run)
def _(dh, x, n, *weights):
    return way(turned(dh, n), turned(x, n), n, *weights)


@lambda run: second_way("x not turned", "runs over x as it is", 2 / 14, run)
def _(dh, x, n, *weights):
    return way(turned(dh, n), x, n, *weights)


@lambda run: second_way("nothing turned", "nothing is turned round", 2 / 14, run)
def _(dh, x, n, *weights):
    return way(dh, x, n, *weights)


@lambda run: second_way("turned with the padding", "leave out real steps", 4 / 14, run)
def _(dh, x, n, *weights):
    dx, grads = way(dh[:, ::-1], x[:, ::-1], n, *weights)
    return dx[:, ::-1], grads


@lambda run: second_way(
    "dh turned with its padding", "half of dh is turned round with", 4 / 14, run
)
def _(dh, x, n, *weights):
    dx, grads = way(dh[:, ::-1], turned(x, n), n, *weights)
    return turned(dx, n), grads


@lambda run: second_way("dx put back with its padding", "is put back with its padding", 7 / 14, run)
def _(dh, x, n, *weights):
    dx, grads = way(turned(dh, n), turned(x, n), n, *weights)
    return dx[:, ::-1], grads


@lambda run: second_way(
    "padded steps count in the second chain", "count in the second", 4 / 14, run
)
def _(dh, x, n, *weights):
    full = np.full_like(n, x.shape[1])
    dx, grads = way(turned(dh, n), turned(x, n), full, *weights)
    return turned(dx, n), grads


@answers.mistake("padded steps count in the forward chain", "count in the forward", keeps=5 / 14)
def _(dh, x, lengths, *weights):
    first, second = np.split(dh, 2, axis=-1)
    dx, grads = way(first, x, np.full_like(lengths, x.shape[1]), *weights[:3])
    dx_turned, others = way(turned(second, lengths), turned(x, lengths), lengths, *weights[3:])
    return dx + turned(dx_turned, lengths), keyed(grads, others)


@answers.mistake("dx masked in place of dh", "what dh holds there has gone back", keeps=2 / 14)
def _(dh, x, lengths, *weights):
    first, second = np.split(dh, 2, axis=-1)
    full = np.full_like(lengths, x.shape[1])
    dx, grads = way(first, x, full, *weights[:3])
    dx_turned, others = way(turned(second, lengths), turned(x, lengths), full, *weights[3:])
    return real(x, lengths) * (dx + turned(dx_turned, lengths)), keyed(grads, others)


@answers.mistake("the first run's cache for both", "the second run's cache", keeps=2 / 14)
def _(dh, x, lengths, *weights):
    first, second = np.split(dh, 2, axis=-1)
    _, cache = rnn_forward(x, None, *weights[:3], lengths=lengths)
    dx, _, grads = rnn_backward(first, cache)
    dx_turned, _, others = rnn_backward(turned(second, lengths), cache)
    return dx + turned(dx_turned, lengths), keyed(grads, others)


@answers.mistake("the first half of dh for both", "with the first half of dh", keeps=2 / 14)
def _(dh, x, lengths, *weights):
    return two_ways_back(np.dstack([dh[..., : len(weights[2])]] * 2), x, lengths, *weights)


@answers.mistake("all of dh turned round", "both halves of dh are turned round", keeps=0)
def _(dh, x, lengths, *weights):
    return two_ways_back(turned(dh, lengths), x, lengths, *weights)


@answers.mistake("both added and then turned round", "the sum is turned round", keeps=5 / 14)
def _(dh, x, lengths, *weights):
    first, second = np.split(dh, 2, axis=-1)
    dx, grads = way(first, x, lengths, *weights[:3])
    dx_turned, others = way(turned(second, lengths), turned(x, lengths), lengths, *weights[3:])
    return turned(dx + dx_turned, lengths), keyed(grads, others)


@answers.mistake("dh_0 not unpacked", "too many values to unpack", keeps=0)
def _(dh, x, lengths, *weights):
    _, cache = rnn_forward(x, None, *weights[:3], lengths=lengths)
    dx, grads = rnn_backward(dh[..., : len(weights[2])], cache)
    return dx, grads


@answers.mistake("turned with the padding, dh masked", "with their padding", 4 / 14)
def _(dh, x, lengths, *weights):
    here = real(x, lengths)
    first, second = np.split(dh * here, 2, axis=-1)
    dx, grads = way(first, x, lengths, *weights[:3])
    full = np.full_like(lengths, x.shape[1])
    other_dx, others = way(second[:, ::-1], x[:, ::-1], full, *weights[3:])
    return dx + here * other_dx[:, ::-1], keyed(grads, others)


@answers.mistake("padded steps count", "padded steps count", 2 / 14)
def _(dh, x, lengths, *weights):
    first, second = np.split(dh, 2, axis=-1)
    full = np.full_like(lengths, x.shape[1])
    dx, grads = way(first, x, full, *weights[:3])
    dx_turned, others = way(turned(second, lengths), turned(x, lengths), full, *weights[3:])
    return dx + turned(dx_turned, lengths), keyed(grads, others)


@answers.mistake("halves of dh exchanged", "the halves of dh are exchanged")
def _(dh, x, lengths, *weights):
    return two_ways_back(np.roll(dh, len(weights[2]), axis=2), x, lengths, *weights)


@answers.mistake("weights exchanged", "the weights of the two chains are exchanged")
def _(dh, x, lengths, *weights):
    return two_ways_back(dh, x, lengths, *weights[3:], *weights[:3])


@answers.mistake("one set of weights", "with the weights of the forward one", 2 / 14)
def _(dh, x, lengths, *weights):
    return two_ways_back(dh, x, lengths, *weights[:3] * 2)


def other_dx(name, says, merge):
    @answers.mistake(name, says, 5 / 14)
    def _(dh, x, lengths, *weights):
        first, second = np.split(dh, 2, axis=-1)
        dx, _ = way(first, x, lengths, *weights[:3])
        dx_turned, _ = way(turned(second, lengths), turned(x, lengths), lengths, *weights[3:])
        right = two_ways_back(dh, x, lengths, *weights)[1]
        return merge(dx, turned(dx_turned, lengths)), right


other_dx("dx of the forward chain alone", "the forward chain's alone", lambda f, b: f)
other_dx("dx of the backward chain alone", "the backward chain's alone", lambda f, b: b)
other_dx("dx averaged", "the two are averaged", lambda f, b: (f + b) / 2)
other_dx("dx side by side", "they are added", lambda f, b: np.concatenate([f, b], axis=2))
other_dx("dx of the difference", "is subtracted", lambda f, b: f - b)
other_dx("dx of both in one array", "lie on top of each other", lambda f, b: np.stack([f, b]))


def other_grads(name, says, keeps, change):
    @answers.mistake(name, says, keeps)
    def _(*given):
        dx, grads = two_ways_back(*given)
        return dx, change(grads)


def first_three(grads):
    return {name: grad for name, grad in grads.items() if "reverse" not in name}


other_grads("keys exchanged", "which of them have names in _reverse", 3 / 14,
            lambda g: {k: g[k[:-8] if "reverse" in k else k + "_reverse"] for k in g})  # fmt: skip
other_grads("gradients of both chains added", "each chain has its own", 5 / 14,
            lambda g: {k: g[k] + g[k[:-8]] if "reverse" in k else g[k] for k in g})  # fmt: skip
other_grads("the forward gradients alone", "no entry 'W_xh_reverse'", 5 / 14, first_three)
other_grads("a list of gradients", "should be a dict", 3 / 14, lambda g: list(g.values()))
other_grads("the backward keys overwrite", "are exchanged", 3 / 14,
            lambda g: {k[:-8]: g[k] for k in g if "reverse" in k})  # fmt: skip
other_grads("keys with a d", "its keys: dW_xh", 3 / 14, lambda g: {f"d{k}": g[k] for k in g})
other_grads("one set of keys", "each chain has its own", 3 / 14,
            lambda g: {k: g[k] + g[f"{k}_reverse"] for k in first_three(g)})  # fmt: skip
other_grads("a mean over the batch for b_h", "it is averaged over the batch", 6 / 14,
            lambda g: {k: g[k] / 4 if k == "b_h" else g[k] for k in g})  # fmt: skip
other_grads("float64", "comes out as float64", 13 / 14,
            lambda g: {k: g[k] + np.zeros(g[k].shape) for k in g})  # fmt: skip


@answers.mistake("dx alone", "expected 2 values")
def _(*given):
    return two_ways_back(*given)[0]


@answers.mistake("divided by the batch", "averaged over the batch", 0)
def _(dh, *rest):
    return two_ways_back(dh / len(dh), *rest)


@answers.mistake("dh masked in place", "writes into its input dh", keeps=13 / 14)
def _(dh, x, lengths, *weights):
    dh *= real(x, lengths)
    return two_ways_back(dh, x, lengths, *weights)


@answers.mistake("gradients first", "dx should hold numbers", keeps=0)
def _(*given):
    return two_ways_back(*given)[::-1]
