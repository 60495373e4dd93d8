"""Answers to: the weights of a GRU for the other meaning of z."""

import numpy as np

from . import Answers

answers = Answers("flip_update_gate")
NAMES = ("W_xh", "W_hh", "b_xh", "b_hh")


@answers.right
def middle_third(*weights):
    flipped = {}
    for name, value in zip(NAMES, weights, strict=True):
        H = len(value) // 3
        flipped[name] = value.copy()
        flipped[name][H : 2 * H] *= -1
    return flipped


@answers.right
def signs(W_xh, W_hh, b_xh, b_hh):
    H = W_hh.shape[1]
    sign = np.repeat(np.array([1, -1, 1], dtype=W_hh.dtype), H)
    weights = {"W_xh": W_xh.T, "W_hh": W_hh.T, "b_xh": b_xh, "b_hh": b_hh}
    return {name: (value * sign).T for name, value in weights.items()}


@answers.right
def split_and_join(W_xh, W_hh, b_xh, b_hh):
    def flip(value):
        r, z, n = np.split(value, 3)
        return np.concatenate([r, -z, n])

    return {"b_hh": flip(b_hh), "b_xh": flip(b_xh), "W_hh": flip(W_hh), "W_xh": flip(W_xh)}


@answers.right
def planes(*weights):
    result = {}
    for name, value in zip(NAMES, weights, strict=True):
        whole = value.reshape(3, len(value) // 3, -1)
        result[name] = np.stack([whole[0], 0 - whole[1], whole[2]]).reshape(value.shape)
    return result


@answers.right
def row_by_row(W_xh, W_hh, b_xh, b_hh):
    H = len(b_xh) // 3
    sign = [-1 if H <= k < 2 * H else 1 for k in range(3 * H)]
    both = {"W_xh": W_xh, "W_hh": W_hh, "b_xh": b_xh, "b_hh": b_hh}
    return {
        name: [s * row for s, row in zip(sign, value, strict=True)] for name, value in both.items()
    }


def with_signs(*three):
    def flip(*weights):
        return {
            name: np.concatenate([s * part for s, part in zip(three, np.split(v, 3), strict=True)])
            for name, v in zip(NAMES, weights, strict=True)
        }

    return flip


def wrong(name, says, three):
    answers.mistake(name, says)(with_signs(*three))


wrong("nothing changed", "nothing is changed here", (1, 1, 1))
wrong("r instead", "r's rows", (-1, 1, 1))
wrong("n instead", "n's rows", (1, 1, -1))
wrong("all rows", "the sign of all rows", (-1, -1, -1))
wrong("r and z", "the signs of r and z", (-1, -1, 1))
wrong("from H on", "the signs of z and n are changed", (1, -1, -1))
wrong("all but z", "that of z is not", (-1, 1, -1))


@answers.mistake("1 - W", "1 - W stands", keeps=0)
def _(*weights):
    flipped = {}
    for name, value in zip(NAMES, weights, strict=True):
        H = len(value) // 3
        flipped[name] = value.copy()
        flipped[name][H : 2 * H] = 1 - value[H : 2 * H]
    return flipped


@answers.mistake("biases forgotten", "nothing is changed here", keeps=2 / 7)
def _(W_xh, W_hh, b_xh, b_hh):
    return middle_third(W_xh, W_hh, b_xh, b_hh) | {"b_xh": b_xh.copy(), "b_hh": b_hh.copy()}


@answers.mistake("one bias forgotten", "nothing is changed here", keeps=2 / 7)
def _(W_xh, W_hh, b_xh, b_hh):
    return middle_third(W_xh, W_hh, b_xh, b_hh) | {"b_hh": b_hh.copy()}


@answers.mistake("weights forgotten", "nothing is changed here", keeps=2 / 7)
def _(W_xh, W_hh, b_xh, b_hh):
    return middle_third(W_xh, W_hh, b_xh, b_hh) | {"W_xh": W_xh.copy(), "W_hh": W_hh.copy()}


@answers.mistake("the columns", "differ", keeps=2 / 7)
def _(W_xh, W_hh, b_xh, b_hh):
    flipped = middle_third(W_xh, W_hh, b_xh, b_hh)
    columns = W_xh.copy()
    columns[:, 1:2] *= -1
    return flipped | {"W_xh": columns}


@answers.mistake("a tuple", "should be a dict", keeps=0)
def _(*weights):
    return tuple(middle_third(*weights).values())


@answers.mistake("in place", "writes into its input W_xh", keeps=6 / 7)
def _(*weights):
    for value in weights:
        H = len(value) // 3
        value[H : 2 * H] *= -1
    return {name: value.copy() for name, value in zip(NAMES, weights, strict=True)}


@answers.mistake("float64 signs", "comes out as float64", keeps=6 / 7)
def _(*weights):
    return {name: v * np.ones(1) for name, v in middle_third(*weights).items()}


def with_rows_of_z(change):
    def flip(*weights):
        flipped = {}
        for name, value in zip(NAMES, weights, strict=True):
            r, z, n = np.split(value, 3)
            flipped[name] = np.concatenate([r, change(z), n])
        return flipped

    return flip


def wrong_rows(name, says, change):
    answers.mistake(name, says)(with_rows_of_z(change))


wrong_rows("the sigmoid of the rows", "the sigmoid is taken of z's rows",
           lambda rows: 1 - 1 / (1 + np.exp(-rows)))  # fmt: skip
wrong_rows("1 / W", "z's rows are inverted", lambda rows: 1 / rows)
wrong_rows("rows in reverse order", "z's rows stand in reverse order", lambda rows: rows[::-1])


@answers.mistake("rows of r and z exchanged", "the rows of r and z are exchanged")
def _(*weights):
    flipped = {}
    for name, value in zip(NAMES, weights, strict=True):
        r, z, n = np.split(value, 3)
        flipped[name] = np.concatenate([z, r, n])
    return flipped


@answers.mistake("H from W_xh", "H is taken from W_xh")
def _(*weights):
    H, flipped = weights[0].shape[1], {}
    for name, value in zip(NAMES, weights, strict=True):
        flipped[name] = value.copy()
        flipped[name][H : 2 * H] *= -1
    return flipped


@answers.mistake("z's rows alone", "has the shape")
def _(*weights):
    return {name: -np.split(value, 3)[1] for name, value in zip(NAMES, weights, strict=True)}
