"""Answers to: a gradient by central differences."""

import numpy as np

from rnn_course.rnn import rnn_backward, rnn_forward

from . import Answers

answers = Answers("numerical_gradient")


def loss(x, h_0, W_xh, W_hh, b_h, upstream):
    return np.sum(upstream * rnn_forward(x, h_0, W_xh, W_hh, b_h)[0])


@answers.right
def copies(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    gradient = np.zeros_like(W_hh)
    for j in range(W_hh.shape[0]):
        for k in range(W_hh.shape[1]):
            up, down = W_hh.copy(), W_hh.copy()
            up[j, k] += epsilon
            down[j, k] -= epsilon
            above = loss(x, h_0, W_xh, up, b_h, upstream)
            below = loss(x, h_0, W_xh, down, b_h, upstream)
            gradient[j, k] = (above - below) / (2 * epsilon)
    return gradient


@answers.right
def put_back(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    weights, gradient = W_hh.copy(), np.empty(W_hh.shape)
    for index in np.ndindex(weights.shape):
        value = weights[index]
        weights[index] = value + epsilon
        above = loss(x, h_0, W_xh, weights, b_h, upstream)
        weights[index] = value - epsilon
        gradient[index] = above / (2 * epsilon)
        gradient[index] -= loss(x, h_0, W_xh, weights, b_h, upstream) / (2 * epsilon)
        weights[index] = value
    return gradient


@answers.right
def one_hot_directions(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    H = len(W_hh)
    entries = []
    for direction in np.eye(H * H).reshape(-1, H, H):
        losses = [
            loss(x, h_0, W_xh, W_hh + sign * epsilon * direction, b_h, upstream) for sign in (1, -1)
        ]
        entries.append((losses[0] - losses[1]) / epsilon / 2)
    return np.reshape(entries, (H, H))


@answers.right
def difference_of_the_states(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    def states(j, k, change):
        moved = np.array(W_hh)
        moved[j, k] = moved[j, k] + change
        return rnn_forward(x, h_0, W_xh, moved, b_h)[0]

    H = range(len(W_hh))
    slopes = [[states(j, k, epsilon) - states(j, k, -epsilon) for k in H] for j in H]
    return np.einsum("jkbth,bth->jk", np.array(slopes), upstream) / (2 * epsilon)


@answers.right
def lists(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    rows = []
    for j, row in enumerate(W_hh):
        rows.append([])
        for k in range(len(row)):
            change = np.zeros_like(W_hh)
            change[j, k] = epsilon
            given = [(x, h_0, W_xh, W, b_h, upstream) for W in (W_hh - change, W_hh + change)]
            rows[-1].append((loss(*given[1]) - loss(*given[0])) / (2 * epsilon))
    return rows


@answers.right
def moved_in_place_and_put_back(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    gradient = np.zeros_like(W_hh)
    for index in np.ndindex(W_hh.shape):
        value = W_hh[index]
        W_hh[index] = value + epsilon
        above = loss(x, h_0, W_xh, W_hh, b_h, upstream)
        W_hh[index] = value - epsilon
        gradient[index] = (above - loss(x, h_0, W_xh, W_hh, b_h, upstream)) / (2 * epsilon)
        W_hh[index] = value
    return gradient


@answers.right
def all_moved_matrices_in_one_batch(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    H = len(W_hh)
    directions = epsilon * np.eye(H * H).reshape(-1, H, H)
    W = np.concatenate([W_hh + directions, W_hh - directions])  # (2 H H, H, H)
    h_t, losses = np.repeat(h_0[None], len(W), axis=0), 0  # (2 H H, B, H)
    for t in range(x.shape[1]):
        h_t = np.tanh(h_t @ W.swapaxes(1, 2) + x[:, t] @ W_xh.T + b_h)
        losses = losses + (h_t * upstream[:, t]).sum(axis=(1, 2))
    above, below = losses.reshape(2, H, H)
    return (above - below) / (2 * epsilon)


@answers.right
def sum_over_the_sequences(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    rows = [slice(k, k + 1) for k in range(len(x))]
    return sum(copies(x[k], h_0[k], W_xh, W_hh, b_h, upstream[k], epsilon) for k in rows)


def quotient(name, says, keeps, formula):
    """A wrong quotient of the losses up, not moved and down."""

    @answers.mistake(name, says, keeps)
    def _(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
        gradient = np.zeros_like(W_hh)
        for index in np.ndindex(W_hh.shape):
            change = np.zeros_like(W_hh)
            change[index] = epsilon
            losses = (
                loss(x, h_0, W_xh, W_hh + c, b_h, upstream) for c in (change, 0 * change, -change)
            )
            gradient[index] = formula(*losses, epsilon)
        return gradient


quotient("divided by epsilon", "divided by epsilon;", 0, lambda u, m, d, e: (u - d) / e)
quotient("one side", "only one side is moved", 0, lambda u, m, d, e: (u - m) / e)
quotient("one side down", "downwards", 0, lambda u, m, d, e: (m - d) / e)
quotient("sign", "the sign is reversed", 0, lambda u, m, d, e: (d - u) / (2 * e))
quotient("not divided", "not divided", 0, lambda u, m, d, e: u - d)
quotient("multiplied", "multiplied by 2 epsilon", 0, lambda u, m, d, e: (u - d) * 2 * e)
quotient(
    "brackets forgotten", "divides the second loss alone", 0, lambda u, m, d, e: u - d / (2 * e)
)
quotient(
    "divided by 2, times epsilon", "multiplies by epsilon", 0, lambda u, m, d, e: (u - d) / 2 * e
)
quotient("divided by the square", "epsilon's square", 0, lambda u, m, d, e: (u - d) / e**2)


@answers.mistake("half the step", "epsilon / 2", keeps=0)
def _(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    return np.array(copies(x, h_0, W_xh, W_hh, b_h, upstream, epsilon / 2)) / 2


@answers.mistake("all entries at once", "all entries are moved at once", keeps=1 / 8)
def _(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    above = loss(x, h_0, W_xh, W_hh + epsilon, b_h, upstream)
    below = loss(x, h_0, W_xh, W_hh - epsilon, b_h, upstream)
    return np.full(W_hh.shape, (above - below) / (2 * epsilon))


@answers.mistake("weights not put back", "pile up", keeps=1 / 8)
def _(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    gradient, weights = np.zeros_like(W_hh), W_hh.copy()
    for index in np.ndindex(weights.shape):
        weights[index] += epsilon
        above = loss(x, h_0, W_xh, weights, b_h, upstream)
        weights[index] -= 2 * epsilon
        gradient[index] = (above - loss(x, h_0, W_xh, weights, b_h, upstream)) / (2 * epsilon)
    return gradient


@answers.mistake("backpropagation instead", "the exact gradient", keeps=2 / 8)
def _(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    _, cache = rnn_forward(x, h_0, W_xh, W_hh, b_h)
    return rnn_backward(upstream, cache)[2]["W_hh"]


@answers.mistake("transposed", "the result is transposed", keeps=1 / 8)
def _(*given):
    return copies(*given).T


@answers.mistake("a fixed epsilon", "an epsilon of its own", keeps=2 / 8)
def _(*given):
    return copies(*given[:-1], 1e-5)


@answers.mistake("one row", "has the shape", keeps=0)
def _(*given):
    return copies(*given)[0]


@answers.mistake("moved in place", "writes into its input W_hh", keeps=7 / 8)
def _(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    result = copies(x, h_0, W_xh, W_hh, b_h, upstream, epsilon)
    W_hh[0, 0] += epsilon
    return result


def of_loss(name, says, keeps, loss):
    """The right quotient of another loss: loss(h, upstream)."""

    @answers.mistake(name, says, keeps)
    def _(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
        gradient = np.zeros_like(W_hh)
        for index in np.ndindex(W_hh.shape):
            change = np.zeros_like(W_hh)
            change[index] = epsilon
            moved = (rnn_forward(x, h_0, W_xh, W_hh + c, b_h)[0] for c in (change, -change))
            above, below = (loss(h, upstream) for h in moved)
            gradient[index] = (above - below) / (2 * epsilon)
        return gradient


of_loss("mean for the sum", "here their mean", 0, lambda h, up: (up * h).mean())
of_loss("mean over the sequences", "a sum over the sequences", 1 / 8,
        lambda h, up: (up * h).sum(axis=(1, 2)).mean())  # fmt: skip
of_loss("upstream left out", "upstream does not enter", 0, lambda h, up: h.sum())
of_loss("upstream as target", "taken for a target", 0, lambda h, up: ((h - up) ** 2).sum())
of_loss("the last step alone", "the last step alone", 0, lambda h, up: (up * h)[:, -1].sum())


@answers.mistake("b_h not handed on", "b_h is not given", keeps=0)
def _(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    return copies(x, h_0, W_xh, W_hh, None, upstream, epsilon)


@answers.mistake("h_0 not handed on", "h_0 is not given", keeps=0)
def _(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    return copies(x, None, W_xh, W_hh, b_h, upstream, epsilon)


@answers.mistake("a row at once", "a whole row is moved", keeps=1 / 8)
def _(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    gradient = np.zeros_like(W_hh)
    for j in range(len(W_hh)):
        change = np.zeros_like(W_hh)
        change[j] = epsilon
        up, down = (loss(x, h_0, W_xh, W_hh + c, b_h, upstream) for c in (change, -change))
        gradient[j] = (up - down) / (2 * epsilon)
    return gradient


@answers.mistake("one copy for both changes", "starts from the first", keeps=0)
def _(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    gradient = np.zeros_like(W_hh)
    for index in np.ndindex(W_hh.shape):
        losses, moved = [], W_hh.copy()
        for change in (epsilon, -epsilon):
            moved[index] += change
            losses.append(loss(x, h_0, W_xh, moved, b_h, upstream))
        gradient[index] = (losses[0] - losses[1]) / (2 * epsilon)
    return gradient


@answers.mistake("two names of one array", "every value is zero", keeps=0)
def _(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    gradient = np.zeros_like(W_hh)
    for index in np.ndindex(W_hh.shape):
        up = down = W_hh.copy()
        up[index] += epsilon
        down[index] -= epsilon
        losses = [loss(x, h_0, W_xh, W, b_h, upstream) for W in (up, down)]
        gradient[index] = (losses[0] - losses[1]) / (2 * epsilon)
    return gradient


@answers.mistake("two copies for all entries", "neither up nor down", keeps=1 / 8)
def _(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    gradient, up, down = np.zeros_like(W_hh), W_hh.copy(), W_hh.copy()
    for index in np.ndindex(W_hh.shape):
        up[index] += epsilon
        down[index] -= epsilon
        losses = [loss(x, h_0, W_xh, W, b_h, upstream) for W in (up, down)]
        gradient[index] = (losses[0] - losses[1]) / (2 * epsilon)
    return gradient


@answers.mistake("put back by subtraction", "writes into its input W_hh", keeps=7 / 8)
def _(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    gradient = np.zeros_like(W_hh)
    for index in np.ndindex(W_hh.shape):
        W_hh[index] += epsilon
        above = loss(x, h_0, W_xh, W_hh, b_h, upstream)
        W_hh[index] -= 2 * epsilon
        gradient[index] = (above - loss(x, h_0, W_xh, W_hh, b_h, upstream)) / (2 * epsilon)
        W_hh[index] += epsilon
    return gradient


@answers.mistake("the share epsilon of every weight", "of its own size", keeps=0)
def _(x, h_0, W_xh, W_hh, b_h, upstream, epsilon):
    gradient = np.zeros_like(W_hh)
    for index in np.ndindex(W_hh.shape):
        change = np.zeros_like(W_hh)
        change[index] = epsilon * W_hh[index]
        up, down = (loss(x, h_0, W_xh, W_hh + c, b_h, upstream) for c in (change, -change))
        gradient[index] = (up - down) / (2 * epsilon)
    return gradient
