"""Check of the exchange of a GRU's update gate for 1 minus it."""

import numpy as np

from rnn_course.activations import sigmoid
from rnn_course.checks.gru import H, draw_step
from rnn_course.examination.examine import Aspect, Task, examine, picked


def _flip(W_xh, W_hh, b_xh, b_hh):
    sign = np.repeat([1.0, -1.0, 1.0], len(W_hh) // 3)  # (3H,)
    return {
        "W_xh": sign[:, None] * W_xh,
        "W_hh": sign[:, None] * W_hh,
        "b_xh": sign * b_xh,
        "b_hh": sign * b_hh,
    }


def _each(change):
    """Change every array by a function of it and H."""

    def flip(W_xh, W_hh, b_xh, b_hh):
        given = {"W_xh": W_xh, "W_hh": W_hh, "b_xh": b_xh, "b_hh": b_hh}
        return {name: change(value.copy(), len(b_hh) // 3) for name, value in given.items()}

    return flip


def _with_signs(*signs):
    return _each(lambda value, H: (np.repeat(signs, H) * value.T).T)


def _with_rows_of_z(change):
    """Replace the rows of z alone."""
    return _each(lambda v, H: np.concatenate([v[:H], change(v[H : 2 * H]), v[2 * H :]]))


def _with_rows_from_inputs(W_xh, *rest):
    D = W_xh.shape[1]

    def change(value, H):
        value[D : 2 * D] *= -1
        return value

    return _each(change)(W_xh, *rest)


FLIPS = {
    "nothing is changed here; z's rows, the middle third, change their sign.": _with_signs(1, 1, 1),
    "the sign of r's rows is changed; z's are the middle third.": _with_signs(-1, 1, 1),
    "the sign of n's rows is changed; z's are the middle third.": _with_signs(1, 1, -1),
    "the sign of all rows is changed; only z is to be exchanged.": _with_signs(-1, -1, -1),
    "the signs of r and z are changed; only z is to be exchanged.": _with_signs(-1, -1, 1),
    "the signs of z and n are changed; z's rows end at 2H.": _with_signs(1, -1, -1),
    "the signs of r and n are changed and that of z is not.": _with_signs(-1, 1, -1),
    "1 - W stands in z's rows. It is the gate that becomes 1 - z: sigmoid(-a) = 1 - "
    "sigmoid(a).": _with_rows_of_z(lambda rows: 1 - rows),
    "the sigmoid is taken of z's rows. It is taken of the gate's pre-activation, and the rows "
    "change their sign.": _with_rows_of_z(lambda rows: 1 - sigmoid(rows)),
    "z's rows are inverted, 1 / W; they change their sign.": _with_rows_of_z(lambda rows: 1 / rows),
    "z's rows stand in reverse order; they change their sign.": _with_rows_of_z(
        lambda rows: rows[::-1]
    ),
    "the rows of r and z are exchanged; the gates stay where they are.": _each(
        lambda v, H: np.concatenate([v[H : 2 * H], v[:H], v[2 * H :]])
    ),
    "H is taken from W_xh, whose second axis is D; the rows of z are the middle "
    "third.": _with_rows_from_inputs,
}

FLIPPED = tuple(f'flipped["{name}"]' for name in ("W_xh", "W_hh", "b_xh", "b_hh"))


def _flip_task(seed):
    rng = np.random.default_rng(seed)
    given = [draw_step(rng, "after", H=size) for size in (H, 1)]
    main, one = ({k: g[k] for k in ("W_xh", "W_hh", "b_xh", "b_hh")} for g in given)

    return Task(
        name="flip_update_gate",
        outputs=("flipped",),
        reference=_flip,
        aspects=(
            Aspect("both weight matrices", 2, (main,), FLIPPED[:2]),
            Aspect("both biases", 2, (main,), FLIPPED[2:]),
            Aspect("one unit", 1, (one,)),
        ),
        suspects={
            full: {cause: picked(wrong, name) for cause, wrong in FLIPS.items()}
            for full, name in zip(FLIPPED, main, strict=True)
        },
        rounding=lambda *inputs: {
            name: 4 * np.abs(value) for name, value in _flip(*inputs).items()
        },
        shapes=dict(zip(FLIPPED, ("(3H, D)", "(3H, H)", "(3H,)", "(3H,)"), strict=True)),
    )


def check_flip_update_gate(answer, seed=5004):
    """Check answer(W_xh, W_hh, b_xh, b_hh) -> dict of the same with z exchanged; a Verdict."""
    return examine(_flip_task(seed), answer)
