"""Answers to: one step of attention with a cache."""

import numpy as np

from . import Answers

answers = Answers("cached_step")


def softmax(a, axis=-1):
    e = np.exp(a - a.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def end(old, new):
    return np.concatenate([old, new[:, None]], axis=1)


def attend(q_t, keys, values, weigh=softmax):
    a = np.einsum("bd,bsd->bs", q_t, keys) / q_t.shape[1] ** 0.5
    return np.einsum("bs,bse->be", weigh(a), values)


@answers.right
def append_then_attend(q_t, k_t, v_t, keys, values):
    keys, values = end(keys, k_t), end(values, v_t)
    return attend(q_t, keys, values), keys, values


@answers.right
def matrix_products(q_t, k_t, v_t, keys, values):
    keys = np.append(keys, k_t[:, np.newaxis, :], axis=1)
    values = np.append(values, v_t[:, np.newaxis, :], axis=1)
    a = q_t[:, None] @ keys.swapaxes(1, 2) / q_t.shape[-1] ** 0.5
    return (softmax(a) @ values)[:, 0], keys, values


@answers.right
def one_sequence_at_a_time(q_t, k_t, v_t, keys, values):
    rows = []
    for q, k, v, old_keys, old_values in zip(q_t, k_t, v_t, keys, values, strict=True):
        all_keys, all_values = np.vstack([old_keys, k]), np.vstack([old_values, v])
        p = softmax(all_keys @ q / len(q) ** 0.5)
        rows.append((p @ all_values, all_keys, all_values))
    return tuple(np.stack(part) for part in zip(*rows, strict=True))


@answers.right
def last_row_of_the_whole_pass(q_t, k_t, v_t, keys, values):
    keys, values = end(keys, k_t), end(values, v_t)
    q = np.zeros_like(keys)
    q[:, -1] = q_t
    p = softmax(q @ keys.swapaxes(1, 2) / q.shape[2] ** 0.5)
    return (p @ values)[:, -1], keys, values


@answers.right
def filled_arrays(q_t, k_t, v_t, keys, values):
    B, S, d = keys.shape
    new_keys = np.empty((B, S + 1, d), dtype=keys.dtype)
    new_values = np.empty((B, S + 1, values.shape[2]), dtype=values.dtype)
    new_keys[:, :S], new_keys[:, S] = keys, k_t
    new_values[:, :S], new_values[:, S] = values, v_t
    a = (new_keys * q_t[:, None]).sum(axis=2) * d**-0.5
    p = softmax(a)
    return (p[..., None] * new_values).sum(axis=1), new_keys, new_values


@answers.right
def lists(q_t, k_t, v_t, keys, values):
    return [list(part) for part in append_then_attend(q_t, k_t, v_t, keys, values)]


def wrong_cache(name, says, keeps, append):
    @answers.mistake(name, says, keeps)
    def _(q_t, k_t, v_t, keys, values):
        keys, values = append(keys, k_t), append(values, v_t)
        return attend(q_t, keys, values), keys, values


wrong_cache("in front", "stands in front", 5 / 10, lambda old, new: np.concatenate(
    [new[:, None], old], axis=1))  # fmt: skip
wrong_cache("last row overwritten", "the last row was overwritten", 1 / 10, lambda old, new: (
    np.concatenate([old[:, :-1], new[:, None]], axis=1)))  # fmt: skip
wrong_cache("oldest row dropped", "the oldest row was dropped", 1 / 10, lambda old, new: (
    np.concatenate([old[:, 1:], new[:, None]], axis=1)))  # fmt: skip
wrong_cache("appended twice", "at the end twice", 0, lambda old, new: np.concatenate(
    [old, new[:, None], new[:, None]], axis=1))  # fmt: skip
wrong_cache("no axis of time", "It stops with", 0, lambda old, new: np.concatenate(
    [old, new], axis=1))  # fmt: skip
wrong_cache("along the batch", "It stops with", 0, lambda old, new: np.concatenate(
    [old, new[:, None]], axis=0))  # fmt: skip


def wrong_output(name, says, keeps):
    def add(output):
        @answers.mistake(name, says, keeps)
        def _(q_t, k_t, v_t, keys, values):
            return (
                output(q_t, k_t, v_t, keys, values),
                end(keys, k_t),
                end(values, v_t),
            )

    return add


wrong_output("own step not seen", "the step does not see itself", 2 / 10)(
    lambda q_t, k_t, v_t, keys, values: attend(q_t, keys, values))  # fmt: skip
wrong_output("not divided", "not divided by the root of d", 3 / 10)(
    lambda q_t, k_t, v_t, keys, values: attend(
        q_t * q_t.shape[1] ** 0.5, end(keys, k_t), end(values, v_t)))  # fmt: skip
wrong_output("divided by d", "by d instead of its root", 3 / 10)(
    lambda q_t, k_t, v_t, keys, values: attend(
        q_t / q_t.shape[1] ** 0.5, end(keys, k_t), end(values, v_t)))  # fmt: skip
wrong_output("divided by the root of the keys' number", "the number of keys", 3 / 10)(
    lambda q_t, k_t, v_t, keys, values: attend(
        q_t * (q_t.shape[1] / (keys.shape[1] + 1)) ** 0.5,
        end(keys, k_t), end(values, v_t)))  # fmt: skip
wrong_output("the key asks", "the new key asks", 3 / 10)(
    lambda q_t, k_t, v_t, keys, values: attend(k_t, end(keys, k_t), end(values, v_t)))  # fmt: skip
wrong_output("keys averaged", "the keys are averaged", 2 / 10)(
    lambda q_t, k_t, v_t, keys, values: attend(q_t, end(keys, k_t), end(keys, k_t)))  # fmt: skip
wrong_output("over the batch", "runs over the batch", 2 / 10)(
    lambda q_t, k_t, v_t, keys, values: attend(
        q_t, end(keys, k_t), end(values, v_t), lambda a: softmax(a, axis=0)))  # fmt: skip
wrong_output("uniform weights", "gets the same weight", 3 / 10)(
    lambda q_t, k_t, v_t, keys, values: end(values, v_t).mean(axis=1))  # fmt: skip
wrong_output("its own value", "the step's own value", 3 / 10)(
    lambda q_t, k_t, v_t, keys, values: v_t.copy())  # fmt: skip
wrong_output("overflow", "overflow", 9 / 10)(
    lambda q_t, k_t, v_t, keys, values: attend(
        q_t, end(keys, k_t), end(values, v_t),
        lambda a: np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)))  # fmt: skip
wrong_output("value in front, key at the end", "the new value was put in front", 3 / 10)(
    lambda q_t, k_t, v_t, keys, values: attend(
        q_t, end(keys, k_t), np.concatenate([v_t[:, None], values], axis=1)))  # fmt: skip


@answers.mistake("cache returned as it came", "nothing was appended", 4 / 10)
def _(q_t, k_t, v_t, keys, values):
    return append_then_attend(q_t, k_t, v_t, keys, values)[0], keys, values


@answers.mistake("old cache overwritten in place", "writes into its input keys", 9 / 10)
def _(q_t, k_t, v_t, keys, values):
    result = append_then_attend(q_t, k_t, v_t, keys, values)
    keys[:], values[:] = 0, 0
    return result


@answers.mistake("the output alone", "expected 3 values")
def _(q_t, k_t, v_t, keys, values):
    return append_then_attend(q_t, k_t, v_t, keys, values)[0]


@answers.mistake("float64 by np.sqrt", "comes out as float64", 9 / 10)
def _(q_t, k_t, v_t, keys, values):
    keys, values = end(keys, k_t), end(values, v_t)
    a = np.einsum("bd,bsd->bs", q_t, keys) / np.sqrt(q_t.shape[1])
    return np.einsum("bs,bse->be", softmax(a), values), keys, values


@answers.mistake("summed over the batch too", "divided by the sum of the whole array", 2 / 10)
def _(q_t, k_t, v_t, keys, values):
    keys, values = end(keys, k_t), end(values, v_t)
    return attend(q_t, keys, values, lambda a: softmax(a.ravel()).reshape(a.shape)), keys, values


@answers.mistake("np.append without axis", "all numbers lie in one row")
def _(q_t, k_t, v_t, keys, values):
    return v_t.copy(), np.append(keys, k_t), np.append(values, v_t)


@answers.mistake("cache in front of the output", "their order is o_t, keys, values")
def _(q_t, k_t, v_t, keys, values):
    o_t, keys, values = append_then_attend(q_t, k_t, v_t, keys, values)
    return keys, values, o_t


@answers.mistake("np.tri of one row", "the first key gets all the weight", 3 / 10)
def _(q_t, k_t, v_t, keys, values):
    keys, values = end(keys, k_t), end(values, v_t)
    seen = np.tri(1, keys.shape[1], dtype=bool)
    return attend(q_t, keys, values, lambda a: softmax(np.where(seen, a, -np.inf))), keys, values


@answers.mistake("softmax over the one query", "runs over the queries", 3 / 10)
def _(q_t, k_t, v_t, keys, values):
    keys, values = end(keys, k_t), end(values, v_t)
    a = q_t[:, None] @ keys.swapaxes(1, 2) / q_t.shape[1] ** 0.5
    return (softmax(a, axis=1) @ values)[:, 0], keys, values


@answers.mistake("the first sequence asks for all", "index 1 of axis 0", 3 / 10)
def _(q_t, k_t, v_t, keys, values):
    keys, values = end(keys, k_t), end(values, v_t)
    return attend(0 * q_t + q_t[0], keys, values), keys, values


@answers.mistake("an axis of one query left", "laid out in another shape", 2 / 10)
def _(q_t, k_t, v_t, keys, values):
    o_t, keys, values = append_then_attend(q_t, k_t, v_t, keys, values)
    return o_t[:, None], keys, values


@answers.mistake("one largest score for all", "the largest score of all rows", 9 / 10)
def _(q_t, k_t, v_t, keys, values):
    keys, values = end(keys, k_t), end(values, v_t)

    def weigh(a):
        e = np.exp(a - a.max())
        return e / e.sum(axis=1, keepdims=True)

    return attend(q_t, keys, values, weigh), keys, values
