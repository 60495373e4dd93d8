"""Answers to: the states of all layers of a stack."""

from functools import reduce
from itertools import accumulate

import numpy as np

from rnn_course.rnn import rnn_forward, rnn_step_forward

from . import Answers

answers = Answers("stacked_states")


def states(x, layer, h_0=None):
    return rnn_forward(x, h_0, layer["W_xh"], layer["W_hh"], layer["b_h"])[0]


@answers.right
def layer_after_layer(x, layers):
    found = []
    for layer in layers:
        found.append(states(found[-1] if found else x, layer))
    return np.array(found)


@answers.right
def filled_in(x, layers):
    h = np.zeros((len(layers), *x.shape[:2], len(layers[0]["b_h"])), dtype=x.dtype)
    for k, layer in enumerate(layers):
        h[k] = states(x if k == 0 else h[k - 1], layer)
    return h


@answers.right
def step_after_step(x, layers):
    """All layers advance together, the lowest first."""
    H, dtype = len(layers[0]["b_h"]), x.dtype
    now, steps = [np.zeros((len(x), H), dtype=dtype) for _ in layers], []
    for t in range(x.shape[1]):
        below = x[:, t]
        for k, layer in enumerate(layers):
            now[k], _ = rnn_step_forward(below, now[k], **layer)
            below = now[k]
        steps.append(np.stack(now))
    return np.stack(steps, axis=2)


@answers.right
def recursive(x, layers):
    if not layers:
        return np.zeros((0, *x.shape), dtype=x.dtype)
    h = states(x, layers[0])
    above = recursive(h, layers[1:])
    return np.concatenate([h[None], above])


@answers.right
def reduced(x, layers):
    below = reduce(lambda found, layer: [*found, states(found[-1], layer)], layers, [x])
    return np.stack(below[1:])


@answers.right
def by_hand_with_einsum(x, layers):
    below, found = x, []
    for layer in layers:
        W, a = layer["W_hh"], np.einsum("btd,hd->bth", below, layer["W_xh"]) + layer["b_h"]
        h = np.empty_like(a)
        for t in range(a.shape[1]):
            before = h[:, t - 1] @ W.T if t else 0
            h[:, t] = np.tanh(a[:, t] + before)
        below = h
        found.append(h)
    return np.stack(found)


@answers.right
def a_list_of_layers(x, layers):
    return list(layer_after_layer(x, layers))


@answers.right
def along_the_diagonals(x, layers):
    """Layer k is at step t when layer k + 1 is at step t - 1."""
    T, H = x.shape[1], len(layers[0]["b_h"])
    h = np.zeros((len(layers), len(x), T, H), dtype=x.dtype)
    for diagonal in range(len(layers) + T - 1):
        for k, layer in enumerate(layers):
            t = diagonal - k
            if 0 <= t < T:
                below, before = h[k - 1] if k else x, h[k, :, t - 1] if t else h[k, :, 0]
                joint = np.hstack([below[:, t], before])
                weights = np.hstack([layer["W_xh"], layer["W_hh"]])
                h[k, :, t] = np.tanh(joint @ weights.T + layer["b_h"])
    return h


@answers.right
def accumulated(x, layers):
    return np.stack(list(accumulate(layers, states, initial=x))[1:])


@answers.right
def named_parameters(x, layers):
    found = [x]
    for layer in layers:
        found += rnn_forward(found[-1], None, **layer)[:1]
    return np.array(found[1:])


def wrong(name, says, keeps, answer):
    answers.mistake(name, says, keeps)(answer)


def between(change):
    def answer(x, layers):
        found = []
        for layer in layers:
            found.append(states(change(found[-1]) if found else x, layer))
        return np.stack(found)

    return answer


def other_layers(change):
    return lambda x, layers: layer_after_layer(x, change(layers))


def rearranged(change):
    return lambda x, layers: change(layer_after_layer(x, layers))


def exchanged(layer):
    return layer | {"W_xh": layer["W_hh"], "W_hh": layer["W_xh"]}


wrong("the last state below at every step", "is fed with the last state", 3 / 10,
      between(lambda h: np.repeat(h[:, -1:], h.shape[1], axis=1)))  # fmt: skip
wrong("turned round between layers", "turned round between", 3 / 10, between(lambda h: h[:, ::-1]))
wrong("one step late", "of the step before", 2 / 10,
      between(lambda h: np.concatenate([0 * h[:, :1], h[:, :-1]], axis=1)))  # fmt: skip
wrong("tanh between layers", "tanh is applied once more", 2 / 10, between(np.tanh))
wrong("weights of layer 2", "the weights of layer 2", 4 / 10,
      other_layers(lambda layers: layers[:1] + layers[1:2] * (len(layers) - 1)))  # fmt: skip
wrong("weights of the top layer", "the weights of the top one", 4 / 10,
      other_layers(lambda layers: [layers[0], *[layers[-1]] * (len(layers) - 1)]))  # fmt: skip
wrong("weights of the lowest layer", "the weights of the lowest one", 1 / 10,
      other_layers(lambda layers: layers[:1] * len(layers)))  # fmt: skip
wrong("layers from the top", "the lowest", 1 / 10, other_layers(lambda layers: layers[::-1]))
wrong("no recurrence", "the recurrent weights do not enter", 1 / 10,
      other_layers(lambda layers: [d | {"W_hh": 0 * d["W_hh"]} for d in layers]))  # fmt: skip
wrong("no bias", "the biases are left out", 0,
      other_layers(lambda layers: [d | {"b_h": 0 * d["b_h"]} for d in layers]))  # fmt: skip
wrong("the top layer first", "the lowest comes first", 1 / 10, rearranged(lambda h: h[::-1]))
wrong("the top layer alone", "only the top layer's states", 0, rearranged(lambda h: h[-1]))
wrong("the lowest layer left out", "the lowest layer is missing", 0, rearranged(lambda h: h[1:]))
wrong("the top layer left out", "the top layer is missing", 0, rearranged(lambda h: h[:-1]))
wrong("layers along axis 1", "along axis 1", 0, rearranged(lambda h: np.stack(list(h), axis=1)))
wrong("layers side by side", "along the last axis", 0,
      rearranged(lambda h: np.concatenate(list(h), axis=-1)))  # fmt: skip
wrong("last states alone", "each layer's last state", 0, rearranged(lambda h: h[:, :, -1]))
wrong("the lowest layer skipped", "the first entry of layers is skipped", 0,
      other_layers(lambda layers: layers[1:]))  # fmt: skip
wrong("layers below each other", "in another shape", 0, rearranged(np.concatenate))
wrong("layers along axis 2", "in another order", 0, rearranged(lambda h: h.transpose(1, 2, 0, 3)))
wrong("ReLU between layers", "rest is right", 2 / 10, between(lambda h: np.maximum(h, 0)))
wrong("W_xh and W_hh exchanged", "are exchanged where both are (H, H)", 2 / 10,
      other_layers(lambda layers: [layers[0], *map(exchanged, layers[1:])]))  # fmt: skip
wrong("float64", "comes out as float64", 9 / 10, rearranged(lambda h: np.zeros(h.shape) + h))
wrong("a dict", "should hold numbers", 0, rearranged(lambda h: dict(enumerate(h))))


@answers.mistake("every layer fed with x", "every layer is fed with x", keeps=1 / 10)
def _(x, layers):
    return np.stack([states(x, layer) for layer in layers])


@answers.mistake("x among the states", "rows of different lengths", keeps=0)
def _(x, layers):
    return [x, *layer_after_layer(x, layers)]


@answers.mistake("the state carried up", "starts from the last state of the layer below", 2 / 10)
def _(x, layers):
    below, h_0, found = x, None, []
    for layer in layers:
        below = states(below, layer, h_0)
        h_0 = below[:, -1]
        found.append(below)
    return np.stack(found)


@answers.mistake("residual connections", "are added to those of the layer above", keeps=2 / 10)
def _(x, layers):
    below, found = x, []
    for layer in layers:
        h = states(below, layer)
        below = h + below if found else h
        found.append(below)
    return np.stack(found)


@answers.mistake("one array for all layers", "every entry holds the top layer's states", 1 / 10)
def _(x, layers):
    buffer, found = None, []
    for layer in layers:
        h = states(x if buffer is None else buffer, layer)
        if buffer is None:
            buffer = np.empty_like(h)
        buffer[:] = h
        found.append(buffer)
    return np.stack(found)


@answers.mistake("layer 1 feeds all above", "the states of layer 1", keeps=4 / 10)
def _(x, layers):
    lowest = states(x, layers[0])
    return np.stack([lowest, *(states(lowest, layer) for layer in layers[1:])])


@answers.mistake("layers popped off the list", "writes into its input layers", keeps=9 / 10)
def _(x, layers):
    below, found = x, []
    while layers:
        below = states(below, layers.pop(0))
        found.append(below)
    return np.stack(found)


@answers.mistake("two layers, whatever the list", "the top layer is missing", keeps=3 / 10)
def _(x, layers):
    return layer_after_layer(x, layers[:2])


@answers.mistake("returned inside the loop", "return inside its loop", keeps=1 / 10)
def _(x, layers):
    found = []
    for layer in layers:
        found.append(states(found[-1] if found else x, layer))
        return np.stack(found)


@answers.mistake("three layers, whatever the list", "list index out of range", keeps=6 / 10)
def _(x, layers):
    first = states(x, layers[0])
    second = states(first, layers[1])
    return np.stack([first, second, states(second, layers[2])])


def steps_of_all_layers(name, says, keeps, now_of):
    """Layers advance together; now_of(now, k) is the state that layer k goes on from."""

    @answers.mistake(name, says, keeps)
    def _(x, layers):
        now, steps = np.zeros((len(layers), len(x), len(layers[0]["b_h"])), dtype=x.dtype), []
        for t in range(x.shape[1]):
            below = x[:, t]
            for k, layer in enumerate(layers):
                below, _ = rnn_step_forward(below, now_of(now, k), **layer)
                now[k] = below
            steps.append(now if now_of is own_state else now.copy())
        return np.stack(steps, axis=2)


def own_state(now, k):
    return now[k]


steps_of_all_layers("one array for all steps", "every step holds the last one's", 1 / 10, own_state)
steps_of_all_layers("one state for all layers", "one state is handed from layer to layer", 1 / 10,
                    lambda now, k: now[k - 1])  # fmt: skip


@answers.mistake("the first state carried up", "starts from the first state of the layer", 2 / 10)
def _(x, layers):
    below, h_0, found = x, None, []
    for layer in layers:
        below = states(below, layer, h_0)
        h_0 = below[:, 0]
        found.append(below)
    return np.stack(found)


@answers.mistake("room for D features", "could not broadcast", keeps=2 / 10)
def _(x, layers):
    h = np.zeros((len(layers), *x.shape), dtype=x.dtype)
    for k, layer in enumerate(layers):
        h[k] = states(h[k - 1] if k else x, layer)
    return h


KEPT = {}


@answers.mistake("one buffer for all calls", "both write into one array", keeps=9 / 10)
def _(x, layers):
    h = layer_after_layer(x, layers)
    buffer = KEPT.setdefault((h.shape, h.dtype), np.empty_like(h))
    buffer[:] = h
    return buffer
