"""Answers to: all states of a linear recurrence."""

import itertools

import numpy as np

from . import Answers

answers = Answers("linear_recurrence")


@answers.right
def states_in_a_list(keep, add, h_0):
    h_t, states = h_0, []
    for t in range(keep.shape[1]):
        h_t = keep[:, t] * h_t + add[:, t]
        states.append(h_t)
    return np.stack(states, axis=1)


@answers.right
def filled_array(keep, add, h_0):
    h = np.empty_like(add)
    before = h_0
    for t in range(add.shape[1]):
        h[:, t] = before = add[:, t] + before * keep[:, t]
    return h


@answers.right
def by_doubling(keep, add, h_0):
    keep, add, reach = keep.copy(), add.copy(), 1
    add[:, 0] += keep[:, 0] * h_0
    while reach < add.shape[1]:
        add[:, reach:] = add[:, reach:] + keep[:, reach:] * add[:, :-reach]
        keep[:, reach:] = keep[:, reach:] * keep[:, :-reach]
        reach *= 2
    return add


@answers.right
def halves(keep, add, h_0):
    if keep.shape[1] == 1:
        return keep * h_0[:, None] + add
    middle = keep.shape[1] // 2
    left = halves(keep[:, :middle], add[:, :middle], h_0)
    return np.concatenate([left, halves(keep[:, middle:], add[:, middle:], left[:, -1])], axis=1)


@answers.right
def accumulate(keep, add, h_0):
    steps = zip(keep.swapaxes(0, 1), add.swapaxes(0, 1), strict=True)
    states = itertools.accumulate(steps, lambda h, step: step[0] * h + step[1], initial=h_0)
    return np.array(list(states)[1:]).swapaxes(0, 1)


@answers.right
def lists(keep, add, h_0):
    rows = []
    for keep_b, add_b, h in zip(keep, add, h_0, strict=True):
        row = []
        for keep_t, add_t in zip(keep_b, add_b, strict=True):
            h = keep_t * h + add_t
            row.append(h)
        rows.append(row)
    return rows


def wrong(name, says, keeps, step):
    @answers.mistake(name, says, keeps)
    def _(keep, add, h_0):
        h_t, states = h_0, []
        for t in range(keep.shape[1]):
            h_t = step(keep[:, t], h_t, add[:, t], t)
            states.append(h_t)
        return np.stack(states, axis=1)


wrong("h_0 whole", "enters the first state whole", 0, lambda k, h, a, t: (
    h if t == 0 else k * h) + a)  # fmt: skip
wrong("additions alone", "these are the additions alone", 0, lambda k, h, a, t: a)
wrong("everything kept", "everything is kept", 0, lambda k, h, a, t: h + a)
wrong("additions left out", "the additions are left out", 0, lambda k, h, a, t: k * h)
wrong("1 - keep", "taken off 1", 0, lambda k, h, a, t: (1 - k) * h + a)
wrong("as in a GRU", "as in a GRU", 0, lambda k, h, a, t: k * h + (1 - k) * a)
wrong("keep times all", "multiplies the addition too", 0, lambda k, h, a, t: k * (h + a))
wrong("exchanged", "add and keep are exchanged", 0, lambda k, h, a, t: a * h + k)
wrong("squashed", "squashed by tanh", 0, lambda k, h, a, t: np.tanh(k * h + a))


@answers.mistake("h_0 ignored", "h_0 does not enter")
def _(keep, add, h_0):
    return states_in_a_list(keep, add, np.zeros_like(h_0))


@answers.mistake("from h_0 each time", "starts from h_0 again", 1 / 9)
def _(keep, add, h_0):
    return keep * h_0[:, None] + add


@answers.mistake("backwards", "time runs backwards", 1 / 9)
def _(keep, add, h_0):
    return states_in_a_list(keep[:, ::-1], add[:, ::-1], h_0)[:, ::-1]


@answers.mistake("states before", "the states before each step")
def _(keep, add, h_0):
    return np.concatenate([h_0[:, None], states_in_a_list(keep, add, h_0)[:, :-1]], axis=1)


@answers.mistake("the last state alone", "all T states are asked for")
def _(keep, add, h_0):
    return states_in_a_list(keep, add, h_0)[:, -1]


@answers.mistake("time first", "time is on axis 0", 1 / 9)
def _(keep, add, h_0):
    return states_in_a_list(keep, add, h_0).swapaxes(0, 1)


@answers.mistake("divided by the product", "not finite", 8 / 9)
def _(keep, add, h_0):
    product = np.cumprod(keep, axis=1)
    return product * (h_0[:, None] + np.cumsum(add / product, axis=1))


@answers.mistake("only one step back", "only the last addition", 1 / 9)
def _(keep, add, h_0):
    return keep * np.concatenate([h_0[:, None], add[:, :-1]], axis=1) + add


@answers.mistake("start written into add", "writes into its input add", 8 / 9)
def _(keep, add, h_0):
    add[:, 0] += keep[:, 0] * h_0
    return states_in_a_list(keep, add, np.zeros_like(h_0))


@answers.mistake("float64", "comes out as float64", 8 / 9)
def _(keep, add, h_0):
    h = np.zeros(keep.shape)
    h[:] = states_in_a_list(keep, add, h_0)
    return h


@answers.mistake("one state for all", "stands at every step", 1 / 9)
def _(keep, add, h_0):
    h_t, states = h_0.copy(), []
    for t in range(keep.shape[1]):
        h_t *= keep[:, t]
        h_t += add[:, t]
        states.append(h_t)
    return np.stack(states, axis=1)[:, [-1] * len(states)]


@answers.mistake("h_0 at the first place", "h_0 stands at h[:, 0]")
def _(keep, add, h_0):
    h = np.zeros_like(add)
    h[:, 0] = h_0
    for t in range(1, add.shape[1]):
        h[:, t] = keep[:, t] * h[:, t - 1] + add[:, t]
    return h


@answers.mistake("h_0 in front", "in front of the states")
def _(keep, add, h_0):
    states = [h_0]
    for t in range(keep.shape[1]):
        states.append(keep[:, t] * states[-1] + add[:, t])
    return np.stack(states, axis=1)


@answers.mistake("additions never decay", "never decays", 1 / 9)
def _(keep, add, h_0):
    return np.cumprod(keep, axis=1) * h_0[:, None] + np.cumsum(add, axis=1)


@answers.mistake("as many steps as sequences", "as many steps as the batch", 1 / 9)
def _(keep, add, h_0):
    return states_in_a_list(keep[:, : len(keep)], add, h_0)


@answers.mistake("reshaped", "reshape cuts the states up", 1 / 9)
def _(keep, add, h_0):
    return states_in_a_list(keep, add, h_0).swapaxes(0, 1).reshape(keep.shape)


@answers.mistake("by logarithms", "not finite", 8 / 9)
def _(keep, add, h_0):
    total = np.cumsum(np.log(keep), axis=1)
    return np.exp(total) * (h_0[:, None] + np.cumsum(add * np.exp(-total), axis=1))


@answers.mistake("h_0 changed in place", "writes into its input h_0", 8 / 9)
def _(keep, add, h_0):
    states = []
    for t in range(keep.shape[1]):
        h_0 *= keep[:, t]
        h_0 += add[:, t]
        states.append(h_0.copy())
    return np.stack(states, axis=1)
