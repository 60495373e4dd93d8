"""Check of one step of the GRU backwards, with the reset after the product."""

import numpy as np

from rnn_course import gru
from rnn_course.activations import sigmoid
from rnn_course.checks.examine import Aspect, Task, examine
from rnn_course.checks.rounding import measured_rounding

B, D, H = 2, 3, 5
GRADS = ('grads["W_xh"]', 'grads["W_hh"]', 'grads["b_xh"]', 'grads["b_hh"]')
RESULTS = ("dx_t", "dh_prev", *GRADS)
SHAPES = dict(
    zip(RESULTS, ("(B, D)", "(B, H)", "(3H, D)", "(3H, H)", "(3H,)", "(3H,)"), strict=True)
)


def _draw(rng, B=B, D=D, H=H, **replaced):
    """Arguments whose gates are those of a step forward, each well away from 0, 1/2 and 1."""
    x_t, h_prev = rng.uniform(-1, 1, (B, D)), rng.uniform(-0.9, 0.9, (B, H))
    W_xh, W_hh = rng.uniform(-1, 1, (3 * H, D)), rng.uniform(-0.9, 0.9, (3 * H, H))
    b_xh, b_hh = rng.uniform(-1, 1, (2, 3 * H))
    a_x, a_h = (np.split(a, 3, axis=1) for a in (x_t @ W_xh.T + b_xh, h_prev @ W_hh.T + b_hh))
    r, z = sigmoid(a_x[0] + a_h[0]), sigmoid(a_x[1] + a_h[1])
    gates = {"r": r, "z": z, "n": np.tanh(a_x[2] + r * a_h[2])}
    given = {"dh_t": rng.uniform(-1, 1, (B, H)), "x_t": x_t, "h_prev": h_prev} | gates
    return given | {"W_xh": W_xh, "W_hh": W_hh, "b_hh": b_hh} | replaced


def _backward(dh_t, x_t, h_prev, r, z, n, W_xh, W_hh, b_hh):
    H = h_prev.shape[1]
    under_r = h_prev @ W_hh[2 * H :].T + b_hh[2 * H :]
    params = {"W_xh": W_xh, "W_hh": W_hh, "b_xh": b_hh, "b_hh": b_hh}  # no gradient needs b_xh
    cache = x_t, h_prev, under_r, (r, z, n), params, "after"
    return gru.gru_step_backward(dh_t, cache)


def _by_hand(parts=None, order="rzn", kept=lambda dh, z: z * dh, sides=None, met=None):
    """The textbook's backward pass, parts of which may be wrong.

    Args:
        parts: function of dh, h, gates, s = W_hn h + b_hn and da -> what changes in da.
        kept: function of dh and z -> what comes straight back to h_prev.
        sides: function of da_n and r -> n's rows on the input's side and on the state's.
        met: function of h, z, n -> the state that W_hh is taken to have met.
    """

    def run(dh, x, h, r, z, n, U, W, b):
        H = h.shape[1]
        s = h @ W[2 * H :].T + b[2 * H :]
        da = {"z": dh * (h - n) * z * (1 - z), "n": dh * (1 - z) * (1 - n**2)}
        da["r"] = da["n"] * s * r * (1 - r)
        if parts:
            changed = parts(dh, h, r, z, n, s, da)
            if "n" in changed and "r" not in changed:  # da_r comes from da_n
                changed["r"] = changed["n"] * s * r * (1 - r)
            da |= changed
        on_x, on_h = sides(da["n"], r) if sides else (da["n"], r * da["n"])
        da_x = np.concatenate([{**da, "n": on_x}[gate] for gate in order], axis=1)
        da_h = np.concatenate([{**da, "n": on_h}[gate] for gate in order], axis=1)
        grads = {"W_xh": da_x.T @ x, "W_hh": da_h.T @ (met(h, z, n) if met else h)}
        grads |= {"b_xh": da_x.sum(axis=0), "b_hh": da_h.sum(axis=0)}
        return da_x @ U, kept(dh, z) + da_h @ W, grads

    return run


def _reset_before(dh, x, h, r, z, n, U, W, b):
    """The gradient of the other convention, given the same gates."""
    params = {"W_xh": U, "W_hh": W, "b_xh": b, "b_hh": b}
    return gru.gru_step_backward(dh, (x, h, h, (r, z, n), params, "before"))


ORDERS = {
    "the gates' gradients stand in the order z, r, n; the rows are stacked r, z, n.": "zrn",
    "the gates' gradients stand in the order n, r, z; the rows are stacked r, z, n.": "nrz",
    "the gates' gradients stand in the order n, z, r; the rows are stacked r, z, n.": "nzr",
    "the gates' gradients stand in the order r, n, z; the rows are stacked r, z, n.": "rnz",
}
RUNS = {
    "z and 1 - z are exchanged: h_t = (1 - z) n + z h_prev, so z is the share that is "
    "kept.": _by_hand(
        lambda dh, h, r, z, n, s, da: {
            "n": dh * z * (1 - n**2), "z": dh * (n - h) * z * (1 - z)
        },
        kept=lambda dh, z: (1 - z) * dh,
    ),
    "z stands where 1 - z belongs in da_n: the candidate has the share 1 - z.": _by_hand(
        lambda dh, h, r, z, n, s, da: {"n": dh * z * (1 - n**2)}
    ),
    "1 - z is left out of da_n: the candidate has that share of h_t.": _by_hand(
        lambda dh, h, r, z, n, s, da: {"n": dh * (1 - n**2)}
    ),
    "the derivative of tanh is left out of da_n: 1 - n^2.": _by_hand(
        lambda dh, h, r, z, n, s, da: {"n": dh * (1 - z)}
    ),
    "tanh is taken once too often in da_n: n is a tanh already, so its slope is 1 - "
    "n^2.": _by_hand(lambda dh, h, r, z, n, s, da: {"n": dh * (1 - z) * (1 - np.tanh(n) ** 2)}),
    "the slope of tanh is taken of h_prev; it is that of the candidate, 1 - n^2.": _by_hand(
        lambda dh, h, r, z, n, s, da: {"n": dh * (1 - z) * (1 - h**2)}
    ),
    "n has the derivative of a sigmoid; it is a tanh, 1 - n^2.": _by_hand(
        lambda dh, h, r, z, n, s, da: {"n": dh * (1 - z) * n * (1 - n)}
    ),
    "da_z has the wrong sign: z multiplies h_prev and takes as much from n, so h_prev - "
    "n.": _by_hand(lambda dh, h, r, z, n, s, da: {"z": -da["z"]}),
    "the candidate is left out of da_z: z multiplies h_prev and takes as much from n, so h_prev - "
    "n.": _by_hand(lambda dh, h, r, z, n, s, da: {"z": dh * h * z * (1 - z)}),
    "h_prev is left out of da_z: z multiplies h_prev and takes as much from n, so h_prev - "
    "n.": _by_hand(lambda dh, h, r, z, n, s, da: {"z": -dh * n * z * (1 - z)}),
    "nothing comes through the reset gate: da_r is zero. r stands in the candidate, so it gets its "
    "gradient from da_n.": _by_hand(lambda dh, h, r, z, n, s, da: {"r": 0 * r}),
    "nothing comes through the update gate: da_z is zero. z stands in h_t twice.": _by_hand(
        lambda dh, h, r, z, n, s, da: {"z": 0 * z}
    ),
    "da_r is formed with dh_t; r stands in the candidate, so da_n reaches it.": _by_hand(
        lambda dh, h, r, z, n, s, da: {"r": dh * s * r * (1 - r)}
    ),
    "what r multiplies is left out of da_r: W_hn h_prev + b_hn.": _by_hand(
        lambda dh, h, r, z, n, s, da: {"r": da["n"] * r * (1 - r)}
    ),
    "h_prev stands in da_r; r multiplied W_hn h_prev + b_hn.": _by_hand(
        lambda dh, h, r, z, n, s, da: {"r": da["n"] * h * r * (1 - r)}
    ),
    "n stands in da_r; r multiplied W_hn h_prev + b_hn.": _by_hand(
        lambda dh, h, r, z, n, s, da: {"r": da["n"] * n * r * (1 - r)}
    ),
    "da_r is formed with r * da_n. That is what has passed the gate; what reaches the gate itself "
    "is da_n.": _by_hand(lambda dh, h, r, z, n, s, da: {"r": da["n"] * s * r * r * (1 - r)}),
    "the derivatives of the gates are left out: r (1 - r) and z (1 - z).": _by_hand(
        lambda dh, h, r, z, n, s, da: {"r": da["n"] * s, "z": dh * (h - n)}
    ),
    "the derivative of the reset gate is left out: r (1 - r).": _by_hand(
        lambda dh, h, r, z, n, s, da: {"r": da["n"] * s}
    ),
    "the derivative of the update gate is left out: z (1 - z).": _by_hand(
        lambda dh, h, r, z, n, s, da: {"z": dh * (h - n)}
    ),
    "the gates have the derivative 1 - r^2 of a tanh; a sigmoid's is r (1 - r).": _by_hand(
        lambda dh, h, r, z, n, s, da: {
            "r": da["n"] * s * (1 - r**2), "z": dh * (h - n) * (1 - z**2)
        }
    ),
    **{cause: _by_hand(order=order) for cause, order in ORDERS.items()},
    "the reset acts before the product, as in Cho et al.; here r multiplies W_hn h_prev + "
    "b_hn.": _reset_before,
    "everything is averaged over the batch; the loss contains its mean already.": (
        lambda dh, *rest: _by_hand()(dh / len(dh), *rest)
    ),
    "the reset gate is left out on the state's side: n's rows of W_hh and b_hh get r * "
    "da_n.": _by_hand(sides=lambda da_n, r: (da_n, da_n)),
    "the reset gate multiplies the input's side; x_t reaches n without it, so n's rows of W_xh and "
    "b_xh get da_n.": _by_hand(sides=lambda da_n, r: (r * da_n, r * da_n)),
    "b_hn is left out of da_r; r multiplied W_hn h_prev + b_hn.": (
        lambda *inputs: _by_hand()(*inputs[:-1], 0 * inputs[-1])
    ),
}  # fmt: skip
WRONG_WAYS = {  # of dh_prev
    "the direct way is left out: h_t holds z * h_prev, so z * dh_t comes straight back.": _by_hand(
        kept=lambda dh, z: 0 * dh
    ),
    "all of dh_t comes straight back; the share z does.": _by_hand(kept=lambda dh, z: dh),
    "1 - z stands in the direct way; the old state had the share z.": _by_hand(
        kept=lambda dh, z: (1 - z) * dh
    ),
    "the reset gate is left out on the way to h_prev: W_hn is reached by r * da_n.": _by_hand(
        sides=lambda da_n, r: (da_n, da_n)
    ),
    "nothing comes through the candidate.": _by_hand(sides=lambda da_n, r: (da_n, 0 * da_n)),
    "nothing comes through the gates r and z; both have read h_prev.": _by_hand(
        lambda dh, h, r, z, n, s, da: {"r": 0 * r, "z": 0 * z}
    ),
}
MEAN = "it is averaged over the batch; the sum is asked for, the loss contains the mean."


def _reset_before_in_n(dh, x, h, r, z, n, *weights):
    """dW_hh whose rows of n alone are those of the other convention."""
    H, grad = h.shape[1], _backward(dh, x, h, r, z, n, *weights)[2]["W_hh"]
    return np.concatenate([grad[: 2 * H], (dh * (1 - z) * (1 - n**2)).T @ (r * h)])


def _named(results):
    return dict(zip(RESULTS, (*results[:2], *results[2].values()), strict=True))


def _suspects():
    def entry(run, name):
        return lambda *inputs: _named(run(*inputs))[name]

    def averaged(name):
        return lambda *inputs: _named(_backward(*inputs))[name] / len(inputs[0])

    own = {name: {MEAN: averaged(name)} for name in GRADS}
    own["dh_prev"] = {cause: entry(run, "dh_prev") for cause, run in WRONG_WAYS.items()}
    own['grads["W_hh"]'] |= {
        "n's rows are formed with r * h_prev; after the product W_hn meets h_prev "
        "itself.": _reset_before_in_n,
        "it is formed with h_t; W_hh met h_prev.": entry(
            _by_hand(met=lambda h, z, n: (1 - z) * n + z * h), 'grads["W_hh"]'
        ),
    }
    own['grads["b_hh"]'] |= {
        "n's rows are not multiplied by r; b_hn stands under the reset gate, as W_hn does.": entry(
            _backward, 'grads["b_xh"]'
        )
    }
    return {
        name: own.get(name, {}) | {cause: entry(run, name) for cause, run in RUNS.items()}
        for name in RESULTS
    }


def _task(seed):
    rng = np.random.default_rng(seed)
    main, single = _draw(rng), _draw(rng, B=1)
    open_gate = _draw(rng, z=np.ones((B, H)))

    def rows(gate):
        return lambda given: (np.arange(3 * H) // H == "rzn".index(gate))[:, None]

    return Task(
        name="gru_step_backward",
        outputs=("dx_t", "dh_prev", "grads"),
        reference=_backward,
        aspects=(
            Aspect("the weights' rows of n, the candidate", 2, (main,), GRADS[:2], rows("n")),
            Aspect("the weights' rows of z, the update gate", 2, (main,), GRADS[:2], rows("z")),
            Aspect("the weights' rows of r, the reset gate", 2, (main,), GRADS[:2], rows("r")),
            Aspect("both biases", 2, (main,), GRADS[2:]),
            Aspect("dx_t", 1, (main,), ("dx_t",)),
            Aspect("dh_prev, on all four ways", 3, (main,), ("dh_prev",)),
            Aspect("z = 1: all of dh_t comes straight back", 1, (open_gate,), ("dh_prev",)),
            Aspect("one sequence", 1, (single,)),
        ),
        suspects=_suspects(),
        fallbacks=(_draw(rng, B=3, D=3, H=3),),
        rounding=measured_rounding(_backward, D + H + B + 24),
        shapes=SHAPES,
    )  # fmt: skip


def check_gru_step_backward(answer, seed=5005):
    """Check answer(dh_t, x_t, h_prev, r, z, n, W_xh, W_hh, b_hh) -> dx_t, dh_prev, grads."""
    return examine(_task(seed), answer)
