"""Checks of layers on top of each other, and of dropout between them."""

import numpy as np

from rnn_course import rnn
from rnn_course.checks.rnn import draw_weights
from rnn_course.examination.examine import Aspect, Task, examine
from rnn_course.examination.rounding import measured_rounding

L, B, T, D, H = 3, 2, 6, 4, 5


def _layer(x, layer, h_0=None):
    return rnn.rnn_forward(x, h_0, layer["W_xh"], layer["W_hh"], layer["b_h"])[0]


def _run(x, layers, between=lambda h: h):
    below, states = x, []
    for layer in layers:
        states.append(_layer(below, layer))
        below = between(states[-1])
    return np.stack(states)  # (L, B, T, H)


def _fed_with_x(x, layers):
    return np.stack([_layer(x, layer) for layer in layers])


def _carried_on(x, layers):
    """Every layer starts from the last state of the layer below."""
    below, h_0, states = x, None, []
    for layer in layers:
        below = _layer(below, layer, h_0)
        h_0 = below[:, -1]
        states.append(below)
    return np.stack(states)


def _residual(x, layers):
    below, states = x, []
    for k, layer in enumerate(layers):
        states.append(_layer(below, layer) + (below if k else 0))
        below = states[-1]
    return np.stack(states)


def _exchanged(layer):
    U, W = layer["W_xh"], layer["W_hh"]
    return (W, U) if U.shape == W.shape else (U, W)


def _one_state(x, layers):
    """One state goes from layer to layer and on to the next step."""
    h, steps = np.zeros((len(x), len(layers[0]["b_h"]))), []
    for t in range(x.shape[1]):
        below, now = x[:, t], []
        for layer in layers:
            h = below = np.tanh(below @ layer["W_xh"].T + h @ layer["W_hh"].T + layer["b_h"])
            now.append(h)
        steps.append(np.stack(now))
    return np.stack(steps, axis=2)


def _first_steps(x, layers):
    """Every layer starts from the layer below's state of step 0."""
    below, h_0, states = x, None, []
    for layer in layers:
        below = _layer(below, layer, h_0)
        h_0 = below[:, 0]
        states.append(below)
    return np.stack(states)


STACK_SUSPECTS = {
    "every layer is fed with x; a layer above the lowest reads the states of the layer "
    "below.": _fed_with_x,
    "all layers above the lowest use the weights of layer 2; each has its own.": lambda x, layers: (
        _run(x, [layers[0], *[layers[1]] * (len(layers) - 1)])
    ),
    "all layers above the lowest use the weights of the top one; each has its "
    "own.": lambda x, layers: _run(x, [layers[0], *[layers[-1]] * (len(layers) - 1)]),
    "all layers use the weights of the lowest one; each has its own.": lambda x, layers: _run(
        x, [layers[0]] * len(layers)
    ),
    "the layers are stacked from the top one down; layers[0] is the lowest.": lambda x, layers: (
        _run(x, layers[::-1])
    ),
    "every layer is fed with the states of layer 1; each reads the layer right below "
    "it.": lambda x, layers: np.stack(
        [_layer(x, layers[0]), *(_layer(_layer(x, layers[0]), layer) for layer in layers[1:])]
    ),
    "a layer is fed with the last state of the layer below, at every step; it reads the state of "
    "the same step.": lambda x, layers: _run(x, layers, lambda h: 0 * h + h[:, -1:]),
    "every layer starts from the last state of the layer below; all start from zeros.": _carried_on,
    "every layer starts from the first state of the layer below; all start from "
    "zeros.": _first_steps,
    "one state is handed from layer to layer, and on to the next step; each layer has a state of "
    "its own.": _one_state,
    "every step holds the last one's states, as if one array were stored T times. Does every step "
    "make a new array?": lambda x, layers: 0 * _run(x, layers) + _run(x, layers)[:, :, -1:],
    "W_xh and W_hh are exchanged where both are (H, H).": lambda x, layers: _run(
        x, [layer | dict(zip(("W_xh", "W_hh"), _exchanged(layer), strict=True)) for layer in layers]
    ),
    "the first entry of layers is skipped; layers[0] is the lowest.": lambda x, layers: _run(
        x, layers[1:]
    ),
    "the order of the steps is turned round between the layers.": lambda x, layers: _run(
        x, layers, lambda h: h[:, ::-1]
    ),
    "a layer reads the state below of the step before; it reads that of the same "
    "step.": lambda x, layers: _run(
        x, layers, lambda h: np.concatenate([0 * h[:, :1], h[:, :-1]], axis=1)
    ),
    "tanh is applied once more between the layers; the states are a tanh already.": (
        lambda x, layers: _run(x, layers, np.tanh)
    ),
    "the states of the layer below are added to those of the layer above.": _residual,
    "the biases are left out.": lambda x, layers: _run(
        x, [layer | {"b_h": 0 * layer["b_h"]} for layer in layers]
    ),
    "no state is carried from step to step: the recurrent weights do not enter.": (
        lambda x, layers: _run(x, [layer | {"W_hh": 0 * layer["W_hh"]} for layer in layers])
    ),
    "W_hh is used the wrong way round.": lambda x, layers: _run(
        x, [layer | {"W_hh": layer["W_hh"].T} for layer in layers]
    ),
    "the layers stand in the wrong order: the lowest comes first.": lambda x, layers: _run(
        x, layers
    )[::-1],
    "every entry holds the top layer's states; does each layer's array come into the list by "
    "itself?": lambda x, layers: 0 * _run(x, layers) + _run(x, layers)[-1],
    # The others have another shape.
    "only the top layer's states are there; those of all layers are asked for.": lambda x, layers: (
        _run(x, layers)[-1]
    ),
    "the lowest layer alone is there: does the function return inside its loop?": (
        lambda x, layers: _run(x, layers)[:1]
    ),
    "the lowest layer is missing.": lambda x, layers: _run(x, layers)[1:],
    "the top layer is missing.": lambda x, layers: _run(x, layers)[:-1],
    "the input stands among the states.": lambda x, layers: np.concatenate(
        [x[None], _run(x, layers)]
    ),
    "the layers lie along axis 1; the result is (L, B, T, H).": lambda x, layers: _run(
        x, layers
    ).swapaxes(0, 1),
    "the layers lie along the last axis; the result is (L, B, T, H).": lambda x, layers: (
        np.concatenate(list(_run(x, layers)), axis=-1)
    ),
    "the layers lie along time; the result is (L, B, T, H).": lambda x, layers: np.concatenate(
        list(_run(x, layers)), axis=1
    ),
    "each layer's last state alone is there; the states of all steps are asked "
    "for.": lambda x, layers: _run(x, layers)[:, :, -1],
}


def _stack_task(seed):
    rng = np.random.default_rng(seed)

    def draw(L=L, B=B, T=T, D=D, H=H):
        layers = [draw_weights(rng, D if k == 0 else H, H) for k in range(L)]
        return {"x": rng.uniform(-1, 1, (B, T, D)), "layers": layers}

    main = draw()
    return Task(
        name="stacked_states",
        outputs=("h",),
        reference=_run,
        aspects=(
            Aspect("the lowest of three layers", 1, (main,),
                   where=lambda given: np.arange(L)[:, None, None, None] == 0),
            Aspect("the layers above it", 3, (main,),
                   where=lambda given: np.arange(L)[:, None, None, None] > 0),
            Aspect("as many inputs as units", 2, (draw(2, D=3, H=3),)),
            Aspect("one layer alone", 1, (draw(1),)),
            Aspect("four layers, one step, one sequence", 1, (draw(4, B=1, T=1),)),
        ),
        suspects={"h": STACK_SUSPECTS},
        fallbacks=(draw(D=H), draw(D=3, B=3, T=3, H=3)),
        rounding=measured_rounding(_run, L * T * (2 * H + 2)),  # with a bias and a tanh each step
        shapes={"h": "(L, B, T, H)"},
    )  # fmt: skip


def check_stacked_states(answer, seed=6005):
    """Check answer(x, layers) -> h (L, B, T, H); returns a Verdict."""
    return examine(_stack_task(seed), answer)


def _dropout(x, keep, rate):
    return x if keep is None else np.where(keep, x / (1 - rate), 0)


def _in_training(wrong):
    """Wrong with a mask, right without one."""
    return lambda x, keep, rate: x if keep is None else wrong(x, keep, rate)


def _in_use(factor):
    """Wrong without a mask."""

    def wrong(x, keep, rate):
        if keep is not None:
            raise ValueError("only outside training")
        return x * factor(rate)

    return wrong


DROPOUT_SUSPECTS = {
    "what is kept is not divided by 1 - rate, so the layer above receives less in training than in "
    "use.": _in_training(lambda x, keep, rate: x * keep),
    "what is kept is multiplied by 1 - rate; it is divided by it.": _in_training(
        lambda x, keep, rate: x * keep * (1 - rate)
    ),
    "what is kept is divided by the rate; the probability of being kept is 1 - rate.": _in_training(
        lambda x, keep, rate: x * keep / rate
    ),
    "what is kept is multiplied by the rate.": _in_training(lambda x, keep, rate: x * keep * rate),
    "the entries that are to be kept are dropped, and the others kept.": _in_training(
        lambda x, keep, rate: x * ~keep / (1 - rate)
    ),
    "the entries that are to be kept are dropped, the others kept, and all is divided by the "
    "rate.": _in_training(lambda x, keep, rate: x * ~keep / rate),
    "dropped entries keep their value; they are zero.": _in_training(
        lambda x, keep, rate: np.where(keep, x / (1 - rate), x)
    ),
    "nothing is dropped: everything is divided.": _in_training(
        lambda x, keep, rate: x / (1 - rate)
    ),
    "nothing is dropped.": _in_training(lambda x, keep, rate: x),
    "it is divided by the share that happens to be kept; the probability of being kept is 1 - "
    "rate.": _in_training(lambda x, keep, rate: x * keep / keep.mean()),
    "it is divided by a rate of 1/2, whatever the rate.": _in_training(
        lambda x, keep, rate: x * keep / 0.5
    ),
    "what is kept is multiplied by 1 + rate; it is divided by 1 - rate, which is "
    "more.": _in_training(lambda x, keep, rate: x * keep * (1 + rate)),
    "the root of 1 - rate stands where 1 - rate belongs.": _in_training(
        lambda x, keep, rate: x * keep / np.sqrt(1 - rate)
    ),
    "1 + rate stands where 1 - rate belongs.": _in_training(
        lambda x, keep, rate: x * keep / (1 + rate)
    ),
    "this is the mask alone, divided by 1 - rate.": _in_training(
        lambda x, keep, rate: keep / (1 - rate) + 0 * x
    ),
    "where nothing is dropped, nothing is divided: outside training the result is x "
    "itself.": _in_use(lambda rate: 1 / (1 - rate)),
    "multiplying by 1 - rate outside training belongs to the other kind of dropout, which does not "
    "divide in training; here the result is x.": _in_use(lambda rate: 1 - rate),
    "outside training everything is multiplied by the rate; the result is x.": _in_use(
        lambda rate: rate
    ),
    "outside training everything is dropped; the result is x.": _in_use(lambda rate: 0),
}


def _dropout_task(seed):
    rng = np.random.default_rng(seed)

    def draw(*shape, rate=0.2, keep=True):
        """Three fifths kept, whatever the seed: a share that is not 1 - rate, nor 1/2."""
        x = rng.uniform(0.5, 2, shape) * rng.choice((-1.0, 1.0), shape)
        mask = rng.permutation(np.arange(x.size) >= 0.4 * x.size).reshape(shape)
        return {"x": x, "keep": mask if keep else None, "rate": rate}

    main = draw(4, 5, 3)
    all_kept = draw(3, 4, rate=0.3) | {"keep": np.ones((3, 4), dtype=bool)}
    no_dropout = draw(7, rate=0.0) | {"keep": np.ones(7, dtype=bool)}
    return Task(
        name="apply_dropout",
        outputs=("y",),
        reference=_dropout,
        aspects=(
            Aspect("what is kept", 2, (main,), where=lambda given: given["keep"]),
            Aspect("what is dropped", 1, (main,), where=lambda given: ~given["keep"]),
            Aspect("another rate, another shape", 1, (draw(4, 6, rate=0.75),)),
            Aspect("everything kept by chance; a rate of 0", 1, (all_kept, no_dropout)),
            Aspect("outside training: keep is None", 3, (draw(4, 5, 3, keep=False),)),
        ),
        suspects={"y": DROPOUT_SUSPECTS},
        # four roundings by half an epsilon: of the rate, of 1 - rate, of a product, of a quotient
        rounding=lambda x, keep, rate: (
            (1.5 + 0.5 * max(1, rate / (1 - rate))) * abs(x) / (1 - rate)
        ),
        shapes={"y": "that of x"},
    )


def check_apply_dropout(answer, seed=6006):
    """Check answer(x, keep, rate) -> y, shaped like x; returns a Verdict."""
    return examine(_dropout_task(seed), answer)
