"""Checks of the GRU: one step in both conventions, and the exchange of its update gate."""

import numpy as np

from rnn_course import gru
from rnn_course.activations import sigmoid
from rnn_course.checks.examine import Aspect, Task, examine, picked
from rnn_course.checks.rounding import measured_rounding

B, D, H = 2, 3, 5


def draw_step(rng, reset, B=B, D=D, H=H, **replaced):
    given = {"x_t": rng.uniform(-1, 1, (B, D)), "h_prev": rng.uniform(-0.9, 0.9, (B, H))}
    given |= {"W_xh": rng.uniform(-1, 1, (3 * H, D)), "W_hh": rng.uniform(-0.9, 0.9, (3 * H, H))}
    biases = {name: rng.uniform(-1, 1, 3 * H) for name in ("b_xh", "b_hh")}
    return given | biases | {"reset": reset} | replaced


def _reference(x, h, U, W, b_x, b_h, reset):
    return gru.gru_step_forward(x, h, U, W, b_x, b_h, reset)[0]


def _by_hand(order="rzn", candidate=None, blend=None, squash=None):
    """The textbook's step, parts of which may be wrong; ``candidate`` gets x, h, gates and rows."""
    squash = {"r": sigmoid, "z": sigmoid, "n": np.tanh} | (squash or {})
    blend = blend or (lambda k, n, h: (1 - k["z"]) * n + k["z"] * h)

    def step(x, h, U, W, b_x, b_h, reset):
        rows = {
            name: tuple(part[k * len(W) // 3 : (k + 1) * len(W) // 3] for part in (U, W, b_x, b_h))
            for k, name in enumerate(order)
        }
        k = {}
        for name in "rz":
            U_k, W_k, b_xk, b_hk = rows[name]
            k[name] = squash[name](x @ U_k.T + b_xk + h @ W_k.T + b_hk)
        build = candidate or _candidate
        return blend(k, squash["n"](build(x, h, k, *rows["n"], reset)), h)

    return step


def _candidate(x, h, k, U, W, b_x, b_h, reset):
    if reset == "after":
        return x @ U.T + b_x + k["r"] * (h @ W.T + b_h)
    return x @ U.T + b_x + (k["r"] * h) @ W.T + b_h


def _bias_outside(x, h, k, U, W, b_x, b_h, reset):
    return x @ U.T + b_x + k["r"] * (h @ W.T) + b_h


def _bias_inside(x, h, k, U, W, b_x, b_h, reset):
    return x @ U.T + b_x + (k["r"] * h) @ W.T + k["r"] * b_h


def _other_convention(x, h, U, W, b_x, b_h, reset):
    return _reference(x, h, U, W, b_x, b_h, "before" if reset == "after" else "after")


SUSPECTS = {
    "z and 1 - z are exchanged: here z is the share of the old state that is kept.": _by_hand(
        blend=lambda k, n, h: k["z"] * n + (1 - k["z"]) * h
    ),
    'the reset gate acts on the other side of the product with W_hn: with "after" it multiplies '
    'W_hn h_prev + b_hn, with "before" it multiplies h_prev.': _other_convention,
    'b_hn is not multiplied by the reset gate; with "after" it stands inside the '
    "bracket.": _by_hand(candidate=_bias_outside),
    'b_hn is multiplied by the reset gate; with "before" it is added as it is.': _by_hand(
        candidate=_bias_inside
    ),
    "the gates are taken in the order z, r, n; the rows are stacked r, z, n.": _by_hand("zrn"),
    "the gates are taken in the order n, r, z; the rows are stacked r, z, n.": _by_hand("nrz"),
    "the gates are taken in the order r, n, z; the rows are stacked r, z, n.": _by_hand("rnz"),
    "the gates are taken in the order z, n, r; the rows are stacked r, z, n.": _by_hand("znr"),
    "the reset gate is left out of the candidate.": _by_hand(
        candidate=lambda x, h, k, U, W, b_x, b_h, reset: x @ U.T + b_x + h @ W.T + b_h
    ),
    "the reset gate multiplies the input's part; it belongs to the state's.": _by_hand(
        candidate=lambda x, h, k, U, W, b_x, b_h, reset: k["r"] * (x @ U.T + b_x) + h @ W.T + b_h
    ),
    "the reset gate multiplies the input's part too; it belongs to the state's alone.": _by_hand(
        candidate=lambda x, h, k, U, W, b_x, b_h, reset: (
            k["r"] * (x @ U.T + b_x + h @ W.T + b_h)
            if reset == "after"
            else k["r"] * (x @ U.T + b_x) + (k["r"] * h) @ W.T + b_h
        )
    ),
    "the update gate stands in the candidate; the reset gate belongs there.": _by_hand(
        candidate=lambda x, h, k, *rest: _candidate(x, h, {"r": k["z"]}, *rest)
    ),
    "the reset gate blends old state and candidate; the update gate does.": _by_hand(
        blend=lambda k, n, h: (1 - k["r"]) * n + k["r"] * h
    ),
    "the candidate is squashed by the sigmoid; it may be negative, so it is a tanh.": _by_hand(
        squash={"n": sigmoid}
    ),
    "the candidate is not squashed: tanh is missing.": _by_hand(squash={"n": lambda a: a}),
    "the gates are squashed by tanh; a gate lies between 0 and 1, so it is a sigmoid.": _by_hand(
        squash={"r": np.tanh, "z": np.tanh}
    ),
    "the old state is not blended in: this is (1 - z) * n.": _by_hand(
        blend=lambda k, n, h: (1 - k["z"]) * n
    ),
    "this is the candidate; the old state has its share z.": _by_hand(blend=lambda k, n, h: n),
    "the candidate is added whole; its share is 1 - z.": _by_hand(
        blend=lambda k, n, h: n + k["z"] * h
    ),
    "the bias b_hh is left out.": lambda x, h, U, W, b_x, b_h, reset: _reference(
        x, h, U, W, b_x, 0 * b_h, reset
    ),
    "the bias b_xh is left out.": lambda x, h, U, W, b_x, b_h, reset: _reference(
        x, h, U, W, 0 * b_x, b_h, reset
    ),
    "both biases are left out.": lambda x, h, U, W, b_x, b_h, reset: _reference(
        x, h, U, W, 0 * b_x, 0 * b_h, reset
    ),
    "b_hh is added twice and b_xh not at all.": lambda x, h, U, W, b_x, b_h, reset: _reference(
        x, h, U, W, b_h, b_h, reset
    ),
    "W_hh is used the wrong way round within each gate.": lambda x, h, U, W, *rest: _reference(
        x, h, U, np.concatenate([part.T for part in np.split(W, 3)]), *rest
    ),
    "the input x_t does not enter.": lambda x, *rest: _reference(0 * x, *rest),
}


def _task(seed):
    rng = np.random.default_rng(seed)
    after, before = draw_step(rng, "after"), draw_step(rng, "before")
    single = tuple(draw_step(rng, reset, B=1) for reset in ("after", "before"))
    kept = np.zeros(3 * H)
    kept[H : 2 * H] = 60.0
    still = draw_step(rng, "after", b_hh=kept, W_hh=np.zeros((3 * H, H)))
    return Task(
        name="gru_step_forward",
        outputs=("h_t",),
        reference=_reference,
        aspects=(
            Aspect('reset "after" the product, as in torch', 3, (after,)),
            Aspect('reset "before" the product, as in Cho et al.', 3, (before,)),
            Aspect("one sequence, in both conventions", 1, single),
            Aspect("z = 1: the cell keeps its state", 1, (still,)),
        ),
        suspects={"h_t": SUSPECTS},
        fallbacks=(draw_step(rng, "after", B=3, D=3, H=3),),
        rounding=measured_rounding(_reference, D + H + 12),
        shapes={"h_t": "(B, H)"},
    )  # fmt: skip


def check_gru_step_forward(answer, seed=5003):
    """Check answer(x_t, h_prev, W_xh, W_hh, b_xh, b_hh, reset) -> h_t; returns a Verdict."""
    return examine(_task(seed), answer)


def _flip(W_xh, W_hh, b_xh, b_hh):
    sign = np.repeat([1.0, -1.0, 1.0], len(W_hh) // 3)  # (3H,)
    return {
        "W_xh": sign[:, None] * W_xh,
        "W_hh": sign[:, None] * W_hh,
        "b_xh": sign * b_xh,
        "b_hh": sign * b_hh,
    }


def _with_signs(*signs):
    def flip(W_xh, W_hh, b_xh, b_hh):
        sign = np.repeat(np.array(signs, dtype=float), len(W_hh) // 3)
        given = {"W_xh": W_xh, "W_hh": W_hh, "b_xh": b_xh, "b_hh": b_hh}
        return {k: (sign[:, None] if v.ndim == 2 else sign) * v for k, v in given.items()}

    return flip


def _complement(W_xh, W_hh, b_xh, b_hh):
    flipped = {"W_xh": W_xh, "W_hh": W_hh, "b_xh": b_xh, "b_hh": b_hh}
    H = len(W_hh) // 3
    result = {}
    for name, value in flipped.items():
        result[name] = value.copy()
        result[name][H : 2 * H] = 1 - value[H : 2 * H]
    return result


FLIPS = {
    "nothing is changed.": _with_signs(1, 1, 1),
    "the sign of r's rows is changed; z's are the middle third.": _with_signs(-1, 1, 1),
    "the sign of n's rows is changed; z's are the middle third.": _with_signs(1, 1, -1),
    "the sign of all rows is changed; only z is to be exchanged.": _with_signs(-1, -1, -1),
    "the signs of r and z are changed; only z is to be exchanged.": _with_signs(-1, -1, 1),
    "the signs of r and n are changed and that of z is not.": _with_signs(-1, 1, -1),
    "1 - W stands in z's rows. It is the gate that becomes 1 - z: sigmoid(-a) = 1 - "
    "sigmoid(a).": _complement,
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
