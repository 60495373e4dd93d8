"""The scan: every state of a linear recurrence, one step at a time or many steps at once.

h_t = keep_t * h_{t-1} + add_t                                              (eq-scan-step)

Each unit has its own recurrence; keep_t and add_t do not depend on the state. So two steps are
one step of the same kind, with keep_t * keep_{t-1} for keep and keep_t * add_{t-1} + add_t for
add, and all steps can double their reach at once. Let add_t^(s) be what the last s steps add to
h_t, and keep_t^(s) the product of their keep; h_0 counts as something that the first step adds.

add_t^(2s) = add_t^(s) + keep_t^(s) * add_{t-s}^(s)
keep_t^(2s) = keep_t^(s) * keep_{t-s}^(s),   h_t = add_t^(s) once s > t     (eq-scan-doubling)

Only products and sums: nothing is divided and no logarithm is taken, so keep may be 0.

The gradient is a scan too, from the end. With g_t all of the gradient that reaches h_t,

g_t = keep_{t+1} * g_{t+1} + dh_t                                           (eq-scan-backward)
dkeep_t = g_t * h_{t-1},  dadd_t = g_t,  dh_{-1} = keep_0 * g_0             (eq-scan-gradients)
"""

import numpy as np

from rnn_course._validate import require_shape, require_truncation

CHUNK_ENTRIES = 2**15  # 256 KiB of float64, so that the rounds of doubling stay within the cache
FEWEST_STEPS = 32  # a chunk of fewer steps gains nothing over one step at a time


def _checked(keep, add, h_0):
    """h_0 or zeros (B, H), in the dtype of the states, once the shapes are known to fit."""
    require_shape("keep", keep, (None, None, None), "scan")
    require_shape("add", add, keep.shape, f"keep {keep.shape}")
    B, _, H = keep.shape
    if h_0 is None:
        return np.zeros((B, H), dtype=np.result_type(keep, add))  # (B, H)
    require_shape("h_0", h_0, (B, H), f"keep {keep.shape}")
    return np.asarray(h_0, dtype=np.result_type(keep, add, h_0))


def scan_steps(keep, add, h_0=None):
    """States of a linear recurrence one step at a time (eq-scan-step).

    Args:
        keep: (B, T, H) factor of the state before. add: (B, T, H) what is added to it.
        h_0: (B, H) state before the first step, or None for zeros.

    Returns:
        h: (B, T, H) the state after each step.

    Raises:
        ValueError: the shapes disagree; the message names both arrays and shapes.
    """
    h_prev = _checked(keep, add, h_0)  # (B, H)
    h = np.empty(keep.shape, dtype=h_prev.dtype)  # (B, T, H)
    for t in range(keep.shape[1]):
        h_prev = h[:, t] = keep[:, t] * h_prev + add[:, t]  # (B, H)
    return h


def _doubling(keep, add, h_0):
    """States of all steps in about log2(T) rounds (eq-scan-doubling)."""
    h = np.array(add, dtype=h_0.dtype)  # (B, T, H), what the last 1 step adds
    h[:, 0] += keep[:, 0] * h_0
    keep = keep[:, 1:]  # (B, T - 1, H), row t leads from step t to step t + 1
    reach = 1
    while reach < h.shape[1]:
        h[:, reach:] += keep * h[:, :-reach]
        keep = keep[:, reach:] * keep[:, :-reach]  # row t leads from t to t + 2 reach
        reach *= 2
    return h


def scan(keep, add, h_0=None):
    """States of a linear recurrence, many steps at once where that is faster (eq-scan-doubling).

    The sequence is cut into chunks small enough for the processor's cache. Within a chunk all
    steps double their reach together; its last state is where the next chunk starts. Where one
    step alone is long, B H > 1024, it keeps one core busy, and scan_steps is what runs.

    Args:
        keep: (B, T, H) factor of the state before. add: (B, T, H) what is added to it.
        h_0: (B, H) state before the first step, or None for zeros.

    Returns:
        h: (B, T, H) the state after each step; the numbers of scan_steps but for rounding.

    Raises:
        ValueError: the shapes disagree; the message names both arrays and shapes.

    Source: Hillis and Steele (1986), doi:10.1145/7902.7903; for linear recurrences: Blelloch
        (1990), Prefix Sums and Their Applications, CMU-CS-90-190.
    """
    h_prev = _checked(keep, add, h_0)  # (B, H)
    chunk = CHUNK_ENTRIES // max(h_prev.size, 1)
    if chunk < FEWEST_STEPS:
        return scan_steps(keep, add, h_0)
    h = np.empty(keep.shape, dtype=h_prev.dtype)  # (B, T, H)
    for start in range(0, keep.shape[1], chunk):
        piece = slice(start, start + chunk)
        h[:, piece] = _doubling(keep[:, piece], add[:, piece], h_prev)
        h_prev = h[:, piece][:, -1]  # (B, H)
    return h


def scan_forward(keep, add, h_0=None, parallel=True):
    """``scan``, or ``scan_steps`` where parallel is False, with what the gradient needs.

    Returns:
        h: (B, T, H) the state after each step. cache: what scan_backward needs; opaque.
    """
    h = (scan if parallel else scan_steps)(keep, add, h_0)  # (B, T, H)
    return h, (keep, _checked(keep, add, h_0), h, parallel)


def scan_backward(dh, cache, truncation=None):
    """Gradients of scan_forward, by a scan from the end (eq-scan-backward, eq-scan-gradients).

    Args:
        dh: (B, T, H) gradient of the loss with respect to each step's state, from that step's
            own output only; what comes back through later steps is added here.
        cache: from scan_forward.
        truncation: None for the full gradient, or k >= 1: no gradient flows back over the cuts
            between pieces of k steps (0 to k - 1, k to 2k - 1, ...).

    Returns:
        dkeep: (B, T, H). dadd: (B, T, H), which is all that reaches each state. dh_0: (B, H).

    Raises:
        ValueError: dh does not have the shape of h, or truncation is below 1.
    """
    keep, h_0, h, parallel = cache
    require_shape("dh", dh, h.shape, f"h {h.shape}")
    require_truncation(truncation)
    keep_next = np.zeros_like(h)  # (B, T, H), 0 after the last step
    keep_next[:, :-1] = keep[:, 1:]
    if truncation is not None:
        keep_next[:, truncation - 1 :: truncation] = 0  # a cut lies behind these steps
    run = scan if parallel else scan_steps
    g = run(keep_next[:, ::-1], dh[:, ::-1])[:, ::-1]  # (B, T, H)
    dkeep = np.empty_like(g)  # (B, T, H)
    dkeep[:, :1] = g[:, :1] * h_0[:, None]  # the first step, if there is one
    dkeep[:, 1:] = g[:, 1:] * h[:, :-1]
    return dkeep, g, (keep[:, :1] * g[:, :1]).sum(axis=1)
