"""Check of one step of the GRU, in both conventions."""

import numpy as np

from rnn_course import gru
from rnn_course.activations import sigmoid
from rnn_course.examination.examine import Aspect, Task, examine
from rnn_course.examination.rounding import measured_rounding

B, D, H = 2, 3, 5


def draw_step(rng, reset, B=B, D=D, H=H, **replaced):
    given = {"x_t": rng.uniform(-1, 1, (B, D)), "h_prev": rng.uniform(-0.9, 0.9, (B, H))}
    given |= {"W_xh": rng.uniform(-1, 1, (3 * H, D)), "W_hh": rng.uniform(-0.9, 0.9, (3 * H, H))}
    biases = {name: rng.uniform(-1, 1, 3 * H) for name in ("b_xh", "b_hh")}
    return given | biases | {"reset": reset} | replaced


def _reference(x, h, U, W, b_x, b_h, reset):
    return gru.gru_step_forward(x, h, U, W, b_x, b_h, reset)[0]


def _by_hand(order="rzn", candidate=None, blend=None, squash=None, gate=None, cut=None):
    """The textbook's step, parts of which may be wrong.

    Args:
        candidate: function of x, h, gates, n's rows and reset. blend: of gates, n and h.
        gate: of a_x, a_h and its squashing. cut: of a_x or a_h, its three parts.
    """
    squash = {"r": sigmoid, "z": sigmoid, "n": np.tanh} | (squash or {})
    blend = blend or (lambda k, n, h: (1 - k["z"]) * n + k["z"] * h)
    gate = gate or (lambda a_x, a_h, squashed: squashed(a_x + a_h))
    cut = cut or (lambda a: np.split(a, 3, axis=1))

    def step(x, h, U, W, b_x, b_h, reset):
        parts = list(zip(cut(x @ U.T + b_x), cut(h @ W.T + b_h), strict=True))
        a = dict(zip(order, parts, strict=True))
        k = {name: gate(*a[name], squash[name]) for name in "rz"}
        if candidate:
            rows = [np.split(part, 3)[order.index("n")] for part in (U, W, b_x, b_h)]
            return blend(k, squash["n"](candidate(x, h, k, *rows, reset)), h)
        a_x, a_h = a["n"]
        if reset == "after":
            return blend(k, squash["n"](a_x + k["r"] * a_h), h)
        W_n, b_n = (np.split(part, 3)[order.index("n")] for part in (W, b_h))
        return blend(k, squash["n"](a_x + (k["r"] * h) @ W_n.T + b_n), h)

    return step


def _candidate(x, h, k, U, W, b_x, b_h, reset):
    if reset == "after":
        return x @ U.T + b_x + k["r"] * (h @ W.T + b_h)
    return x @ U.T + b_x + (k["r"] * h) @ W.T + b_h


def _bias_outside(x, h, k, U, W, b_x, b_h, reset):
    return x @ U.T + b_x + k["r"] * (h @ W.T) + b_h


def _bias_inside(x, h, k, U, W, b_x, b_h, reset):
    return x @ U.T + b_x + (k["r"] * h) @ W.T + k["r"] * b_h


def _input_gated(x, h, k, U, W, b_x, b_h, reset):
    if reset == "after":
        return k["r"] * (x @ U.T + b_x + h @ W.T + b_h)
    return k["r"] * (x @ U.T + b_x) + (k["r"] * h) @ W.T + b_h


def _other_convention(x, h, U, W, b_x, b_h, reset):
    return _reference(x, h, U, W, b_x, b_h, "before" if reset == "after" else "after")


def _with(change):
    """A candidate that is right for changed r, W_hn and b_hn."""

    def candidate(x, h, k, U, W, b_x, b_h, reset):
        r, W, b_h = change(k, W, b_h)
        return _candidate(x, h, {"r": r}, U, W, b_x, b_h, reset)

    return candidate


def _with_biases(change):
    """The reference with other biases."""
    return lambda x, h, U, W, b_x, b_h, reset: _reference(x, h, U, W, *change(b_x, b_h), reset)


CANDIDATES = {
    'b_hn is not multiplied by the reset gate; with "after" it stands inside the '
    "bracket.": _bias_outside,
    'b_hn is multiplied by the reset gate; with "before" it is added as it is.': _bias_inside,
    "b_hn is left out of the candidate.": _with(lambda k, W, b: (k["r"], W, 0 * b)),
    "b_hn is added twice in the candidate.": _with(lambda k, W, b: (k["r"], W, 2 * b)),
    "W_hn is used the wrong way round.": _with(lambda k, W, b: (k["r"], W.T, b)),
    "1 - r stands in the candidate; r itself multiplies the old state's part.": _with(
        lambda k, W, b: (1 - k["r"], W, b)
    ),
    "the update gate stands in the candidate; the reset gate belongs there.": _with(
        lambda k, W, b: (k["z"], W, b)
    ),
    "the reset gate is left out of the candidate.": _with(lambda k, W, b: (1 + 0 * k["r"], W, b)),
    "the reset gate multiplies the input's part; it belongs to the state's.": (
        lambda x, h, k, U, W, b_x, b_h, reset: k["r"] * (x @ U.T + b_x) + h @ W.T + b_h
    ),
    "the reset gate multiplies the input's part too; it belongs to the state's alone.": (
        _input_gated
    ),
}
BLENDS = {
    "z and 1 - z are exchanged: here z is the share of the old state that is kept.": (
        lambda k, n, h: k["z"] * n + (1 - k["z"]) * h
    ),
    "the reset gate blends old state and candidate; the update gate does.": (
        lambda k, n, h: (1 - k["r"]) * n + k["r"] * h
    ),
    "the old state is not blended in: this is (1 - z) * n.": lambda k, n, h: (1 - k["z"]) * n,
    "this is the candidate; the old state has its share z.": lambda k, n, h: n,
    "the candidate is added whole; its share is 1 - z.": lambda k, n, h: n + k["z"] * h,
    "the old state is kept whole; its share is z.": lambda k, n, h: (1 - k["z"]) * n + h,
    "the old state is kept whole and z multiplies n: h_t = (1 - z) n + z h_prev.": (
        lambda k, n, h: h + k["z"] * n
    ),
    "a sign is wrong: (1 - z) n + z h_prev is n + z (h_prev - n).": (
        lambda k, n, h: n + k["z"] * (n - h)
    ),
    "tanh is taken of h_t as well; the mixture stays as it is.": (
        lambda k, n, h: np.tanh((1 - k["z"]) * n + k["z"] * h)
    ),
}
EXCHANGED = next(iter(BLENDS))
SUSPECTS = {
    **{cause: _by_hand(blend=blend) for cause, blend in BLENDS.items()},
    'the reset gate acts on the other side of the product with W_hn: with "after" it multiplies '
    'W_hn h_prev + b_hn, with "before" it multiplies h_prev.': _other_convention,
    **{cause: _by_hand(candidate=candidate) for cause, candidate in CANDIDATES.items()},
    "the reset gate multiplies the finished candidate; it belongs inside its tanh.": _by_hand(
        candidate=_with(lambda k, W, b: (1 + 0 * k["r"], W, b)),
        blend=lambda k, n, h: (1 - k["z"]) * k["r"] * n + k["z"] * h,
    ),
    **{
        f"the gates are taken in the order {', '.join(order)}; the rows are stacked r, z, n.": (
            _by_hand(order)
        )
        for order in ("zrn", "nrz", "rnz", "znr", "nzr")
    },
    "reshape cuts the gates up in another order: the three parts stand side by side in each "
    "row.": _by_hand(cut=lambda a: a.reshape(3, len(a), -1)),
    "the candidate is squashed by the sigmoid; it may be negative, so it is a tanh.": _by_hand(
        squash={"n": sigmoid}
    ),
    "the candidate is not squashed: tanh is missing.": _by_hand(squash={"n": lambda a: a}),
    "the gates are squashed by tanh; a gate lies between 0 and 1, so it is a sigmoid.": _by_hand(
        squash={"r": np.tanh, "z": np.tanh}
    ),
    "the gates r and z are not squashed: their sigmoids are missing.": _by_hand(
        squash=dict.fromkeys("rz", lambda a: a)
    ),
    "the gates r and z do not read h_prev.": _by_hand(gate=lambda a_x, a_h, squash: squash(a_x)),
    "the gates r and z do not read x_t.": _by_hand(gate=lambda a_x, a_h, squash: squash(a_h)),
    "a gate is one sigmoid of the sum, not the sum of two.": _by_hand(
        gate=lambda a_x, a_h, squash: squash(a_x) + squash(a_h)
    ),
    "the bias b_hh is left out.": _with_biases(lambda b_x, b_h: (b_x, 0 * b_h)),
    "the bias b_xh is left out.": _with_biases(lambda b_x, b_h: (0 * b_x, b_h)),
    "both biases are left out.": _with_biases(lambda b_x, b_h: (0 * b_x, 0 * b_h)),
    "b_hh is added twice and b_xh not at all.": _with_biases(lambda b_x, b_h: (b_h, b_h)),
    "b_xh is added twice and b_hh not at all.": _with_biases(lambda b_x, b_h: (b_x, b_x)),
    "b_xh and b_hh are exchanged.": _with_biases(lambda b_x, b_h: (b_h, b_x)),
    "W_hh is used the wrong way round within each gate.": lambda x, h, U, W, *rest: _reference(
        x, h, U, np.concatenate([part.T for part in np.split(W, 3)]), *rest
    ),
    "the input x_t does not enter.": lambda x, *rest: _reference(0 * x, *rest),
    **{
        f"two things. First, {EXCHANGED} Second, {cause}": _by_hand(
            blend=BLENDS[EXCHANGED], candidate=candidate
        )
        for cause, candidate in CANDIDATES.items()
    },
}


def _with_half_kept(step):
    """The same arguments with z = 1/2, so that it does not matter which share is which."""
    keep = np.repeat([1.0, 0.0, 1.0], H)  # (3H,)
    arrays = {name: step[name] for name in ("W_xh", "W_hh", "b_xh", "b_hh")}
    return step | {name: (keep * value.T).T for name, value in arrays.items()}


def _task(seed):
    rng = np.random.default_rng(seed)
    after, before = draw_step(rng, "after"), draw_step(rng, "before")
    single = tuple(draw_step(rng, reset, B=1) for reset in ("after", "before"))
    kept = np.zeros(3 * H)
    kept[H : 2 * H] = 60.0
    still = draw_step(rng, "after", b_hh=kept, W_hh=np.zeros((3 * H, H)))
    halves = tuple(_with_half_kept(draw_step(rng, reset)) for reset in ("after", "before"))
    return Task(
        name="gru_step_forward",
        outputs=("h_t",),
        reference=_reference,
        aspects=(
            Aspect('reset "after" the product, as in torch', 3, (after,)),
            Aspect('reset "before" the product, as in Cho et al.', 3, (before,)),
            Aspect("the candidate, where z is 1/2, in both conventions", 2, halves),
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
