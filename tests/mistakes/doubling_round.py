"""Answers to: one round of a scan, in which every stretch is joined with the one before it."""

import numpy as np

from . import Answers

answers = Answers("doubling_round")


def join(keep_1, add_1, keep_2, add_2):
    return keep_2 * keep_1, keep_2 * add_1 + add_2


@answers.right
def concatenated(keep, add, reach):
    longer = join(keep[:, :-reach], add[:, :-reach], keep[:, reach:], add[:, reach:])
    first = keep[:, :reach], add[:, :reach]
    return tuple(np.concatenate(pair, axis=1) for pair in zip(first, longer, strict=True))


@answers.right
def written_into_copies(keep, add, reach):
    longer_keep, longer_add = keep.copy(), add.copy()
    longer_add[:, reach:] += keep[:, reach:] * add[:, :-reach]
    longer_keep[:, reach:] *= keep[:, :-reach]
    return longer_keep, longer_add


@answers.right
def a_loop_over_steps(keep, add, reach):
    new_keep, new_add = [], []
    for t in range(keep.shape[1]):
        k, a = keep[:, t], add[:, t]
        if t >= reach:
            k, a = join(keep[:, t - reach], add[:, t - reach], k, a)
        new_keep.append(k)
        new_add.append(a)
    return np.stack(new_keep, axis=1), np.stack(new_add, axis=1)


@answers.right
def in_place_from_the_end(keep, add, reach):
    keep, add = np.copy(keep), np.copy(add)
    for t in range(keep.shape[1] - 1, reach - 1, -1):
        before = t - reach
        keep[:, t], add[:, t] = join(keep[:, before], add[:, before], keep[:, t], add[:, t])
    return keep, add


@answers.right
def neutral_stretches_in_front(keep, add, reach):
    T, widths = keep.shape[1], [(0, 0), (reach, 0), (0, 0)]
    before_keep = np.pad(keep, widths, constant_values=1)[:, :T]
    before_add = np.pad(add, widths)[:, :T]
    return join(before_keep, before_add, keep, add)


@answers.right
def rolled_and_chosen(keep, add, reach):
    joined = join(np.roll(keep, reach, axis=1), np.roll(add, reach, axis=1), keep, add)
    alone = (np.arange(keep.shape[1]) < reach)[:, None]
    return np.where(alone, keep, joined[0]), np.where(alone, add, joined[1])


@answers.right
def shifted_by_a_matrix(keep, add, reach):
    T = keep.shape[1]
    shift = np.eye(T, k=-reach, dtype=keep.dtype)
    before_keep = np.einsum("ts,bsh->bth", shift, keep) + (np.arange(T) < reach)[:, None]
    before_add = np.einsum("ts,bsh->bth", shift, add)
    return (before_keep * keep).astype(keep.dtype), before_add * keep + add


@answers.right
def lists(keep, add, reach):
    keeps, adds = [], []
    for k, a in zip(keep, add, strict=True):
        pairs = [join(k[t - reach], a[t - reach], k[t], a[t]) for t in range(reach, len(k))]
        keeps.append([*k[:reach], *(pair[0] for pair in pairs)])
        adds.append([*a[:reach], *(pair[1] for pair in pairs)])
    return keeps, adds


def wrong(name, says, keeps):
    """A mistake in the operation: function of the earlier and the later stretch."""

    def add_mistake(operation):
        def run(keep, add, reach):
            longer = operation(keep[:, :-reach], add[:, :-reach], keep[:, reach:], add[:, reach:])
            first = keep[:, :reach], add[:, :reach]
            return tuple(np.concatenate(pair, axis=1) for pair in zip(first, longer, strict=True))

        answers.mistake(name, says, keeps)(run)

    return add_mistake


wrong("exchanged", "earlier and the later stretch are exchanged", 4 / 10)(
    lambda k1, a1, k2, a2: join(k2, a2, k1, a1)
)
wrong("add alone", "it came back as it was", 5 / 10)(lambda k1, a1, k2, a2: (k2, k2 * a1 + a2))
wrong("keep alone", "it came back as it was", 4 / 10)(lambda k1, a1, k2, a2: (k1 * k2, a2))
wrong("keeps added", "the keeps are added", 5 / 10)(lambda k1, a1, k2, a2: (k1 + k2, k2 * a1 + a2))
wrong("additions summed", "summed as they are", 4 / 10)(lambda k1, a1, k2, a2: (k1 * k2, a1 + a2))
wrong("own keep", "the keep of the earlier stretch is used", 4 / 10)(
    lambda k1, a1, k2, a2: (k1 * k2, k1 * a1 + a2)
)
wrong("results exchanged", "keep first and add second", 2 / 10)(
    lambda k1, a1, k2, a2: (k2 * a1 + a2, k1 * k2)
)


@answers.mistake("add first", "keep first and add second")
def _(keep, add, reach):
    return concatenated(keep, add, reach)[::-1]


def at_a_distance(name, says, keeps, distance):
    answers.mistake(name, says, keeps)(
        lambda keep, add, reach: a_loop_over_steps(keep, add, distance(reach))
    )


at_a_distance("reach ignored", "reach does not enter", 0, lambda reach: 1)
at_a_distance("reach + 1", "reach + 1 steps before", 2 / 10, lambda reach: reach + 1)
at_a_distance("reach - 1", "reach - 1 steps before", 0, lambda reach: reach - 1)
at_a_distance("reach doubled", "2 reach steps before", 2 / 10, lambda reach: 2 * reach)

at_a_distance("power of two", "2**reach steps before", 2 / 10, lambda reach: 2**reach)


@answers.mistake("rolled", "np.roll and negative indices", 5 / 10)
def _(keep, add, reach):
    return join(np.roll(keep, reach, axis=1), np.roll(add, reach, axis=1), keep, add)


@answers.mistake("negative indices", "np.roll and negative indices", 5 / 10)
def _(keep, add, reach):
    t = np.arange(keep.shape[1])
    return join(keep[:, t - reach], add[:, t - reach], keep, add)


@answers.mistake("zeros in front", "became zero", 5 / 10)
def _(keep, add, reach):
    before = [np.concatenate([np.zeros_like(a[:, :reach]), a[:, :-reach]], 1) for a in (keep, add)]
    return join(*before, keep, add)


@answers.mistake("first steps left out", "are left out")
def _(keep, add, reach):
    return join(keep[:, :-reach], add[:, :-reach], keep[:, reach:], add[:, reach:])


@answers.mistake("first steps zero", "became zero", 5 / 10)
def _(keep, add, reach):
    longer_keep, longer_add = np.zeros_like(keep), np.zeros_like(add)
    longer_keep[:, reach:], longer_add[:, reach:] = join(
        keep[:, :-reach], add[:, :-reach], keep[:, reach:], add[:, reach:]
    )
    return longer_keep, longer_add


@answers.mistake("a loop in place", "already made longer", 2 / 10)
def _(keep, add, reach):
    keep, add = keep.copy(), add.copy()
    for t in range(reach, keep.shape[1]):
        k, a = keep[:, t - reach].copy(), add[:, t - reach].copy()
        keep[:, t], add[:, t] = join(k, a, keep[:, t], add[:, t])
    return keep, add


@answers.mistake("keep first", "a keep that this round had already made longer", 4 / 10)
def _(keep, add, reach):
    keep, add = keep.copy(), add.copy()
    keep[:, reach:] = keep[:, reach:] * keep[:, :-reach]
    add[:, reach:] = add[:, reach:] + keep[:, reach:] * add[:, :-reach]
    return keep, add


@answers.mistake("time reversed", "joined with the one after it", 1 / 10)
def _(keep, add, reach):
    turned = concatenated(keep[:, ::-1], add[:, ::-1], reach)
    return tuple(a[:, ::-1] for a in turned)


@answers.mistake("joined forwards", "joined with the one after it", 1 / 10)
def _(keep, add, reach):
    longer = join(keep[:, :-reach], add[:, :-reach], keep[:, reach:], add[:, reach:])
    last = keep[:, -reach:], add[:, -reach:]
    return tuple(np.concatenate(pair, axis=1) for pair in zip(longer, last, strict=True))


@answers.mistake("along the batch", "the cut goes along the batch", 0)
def _(keep, add, reach):
    longer = join(keep[:-reach], add[:-reach], keep[reach:], add[reach:])
    return tuple(
        np.concatenate(pair, axis=0)
        for pair in zip((keep[:reach], add[:reach]), longer, strict=True)
    )


@answers.mistake("along the units", "the cut goes along the units", 0)
def _(keep, add, reach):
    moved = concatenated(keep.swapaxes(1, 2), add.swapaxes(1, 2), reach)
    return tuple(a.swapaxes(1, 2) for a in moved)


@answers.mistake("all rounds", "more than one round", 2 / 10)
def _(keep, add, reach):
    while reach < keep.shape[1]:
        keep, add = concatenated(keep, add, reach)
        reach *= 2
    return keep, add


@answers.mistake("every other block", "only every other block", 2 / 10)
def _(keep, add, reach):
    new_keep, new_add = keep.copy(), add.copy()
    for start in range(reach, keep.shape[1], 2 * reach):
        for t in range(start, min(start + reach, keep.shape[1])):
            before = t - reach
            new_keep[:, t], new_add[:, t] = join(
                keep[:, before], add[:, before], keep[:, t], add[:, t]
            )
    return new_keep, new_add


@answers.mistake("step after step", "all steps so far", 0)
def _(keep, add, reach):
    h_t, states = 0, []
    for t in range(keep.shape[1]):
        h_t = keep[:, t] * h_t + add[:, t]
        states.append(h_t)
    return np.cumprod(keep, axis=1), np.stack(states, axis=1)


@answers.mistake("nothing joined", "nothing was joined", 2 / 10)
def _(keep, add, reach):
    return keep.copy(), add.copy()


@answers.mistake("T - reach counted below 0", "It stops with", 9 / 10)
def _(keep, add, reach):
    before = keep.shape[1] - reach
    longer = join(keep[:, :before], add[:, :before], keep[:, reach:], add[:, reach:])
    first = keep[:, :reach], add[:, :reach]
    return tuple(np.concatenate(pair, axis=1) for pair in zip(first, longer, strict=True))


@answers.mistake("written into the inputs", "writes into its input", 9 / 10)
def _(keep, add, reach):
    add[:, reach:] += keep[:, reach:] * add[:, :-reach]
    keep[:, reach:] *= keep[:, :-reach]
    return keep, add


@answers.mistake("float64", "comes out as float64", 9 / 10)
def _(keep, add, reach):
    new_keep, new_add = np.zeros(keep.shape), np.zeros(add.shape)
    new_keep[:], new_add[:] = concatenated(keep, add, reach)
    return new_keep, new_add


@answers.mistake("add alone returned", "expected 2 values")
def _(keep, add, reach):
    return concatenated(keep, add, reach)[1]


@answers.mistake("neighbours in pairs", "half as many came back")
def _(keep, add, reach):
    half = keep.shape[1] // 2 * 2
    return join(keep[:, :half:2], add[:, :half:2], keep[:, 1::2], add[:, 1::2])


@answers.mistake("every reach-th step", "a multiple of reach", 2 / 10)
def _(keep, add, reach):
    new_keep, new_add = keep.copy(), add.copy()
    for t in range(reach, keep.shape[1], reach):
        before = t - reach
        new_keep[:, t], new_add[:, t] = join(keep[:, before], add[:, before], keep[:, t], add[:, t])
    return new_keep, new_add


@answers.mistake("first steps at the end", "too early", 0)
def _(keep, add, reach):
    return tuple(np.roll(a, -reach, axis=1) for a in concatenated(keep, add, reach))
