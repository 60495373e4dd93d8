"""What a network does inside: how far gradients reach, and what gates do.

No loss is needed: in its place stands a random gradient u of length 1 at one step, so that norms
of different networks can be compared.

|dL/dx_{t-k}| where dL/dh_t = u, the gradient by distance k               (eq-gradient-distance)
J_t = dh_t/dh_{t-1} = diag(g'(a_t)) W_hh, in a vanilla RNN with g = tanh or relu
                                                                             (eq-state-jacobian)
dh_t/dh_{t-k} = J_t J_{t-1} ... J_{t-k+1}                                  (eq-jacobian-product)

A gate that multiplies what is kept, f of an LSTM or z of a GRU, leaves the product of its values
over the steps. That product falls to 1/e in so many steps:

time scale = -1 / mean_t(ln f_t)                                                (eq-time-scale)
"""

import numpy as np

from rnn_course._validate import require_lengths, require_shape
from rnn_course.activations import nonlinearity_pair, sigmoid
from rnn_course.gru import gru_forward
from rnn_course.lstm import lstm_forward
from rnn_course.text import mask_from_lengths


def _norms(d):
    """Euclidean norms over the last axis, in float64, also where squares would be 0 or inf."""
    d = d.astype(np.float64)
    largest = np.abs(d).max(axis=-1, initial=0)  # (...)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1)  # (...)
    return scale * np.linalg.norm(d / scale[..., None], axis=-1)


def _upstream(h, step, rng):
    """Zeros like h (B, T, H), but a random direction of length 1 at each row's step, if >= 0."""
    u = rng.standard_normal((len(h), h.shape[2]))  # (B, H)
    dh, rows = np.zeros_like(h), np.flatnonzero(step >= 0)  # (B, T, H)
    dh[rows, step[rows]] = (u / _norms(u)[:, None])[rows]
    return dh


def gradient_norms(encoder, x, rng, lengths=None, at="last"):
    """How much of a gradient at step t reaches the input k steps earlier (eq-gradient-distance).

    Args:
        encoder: any with the interface of rnn_course.encoders. x: (B, T, D) inputs.
        rng: np.random.Generator for the gradients that stand in for a loss, one a sequence.
        lengths: (B,) real steps of each sequence, 0 to T, or None for T each.
        at: "last" real step alone, or "every" step in turn, for T backward passes; then each norm
            is the mean over all steps t that have an input k steps earlier.

    Returns:
        distances: (T,) k = 0 ... T - 1. norms: (B, T) in float64, NaN where no input is so far.

    Raises:
        ValueError: sizes disagree, or another ``at``.
    """
    if at not in ("last", "every"):
        raise ValueError(f'at is {at!r}; expected "last" or "every"')
    (h, _), cache = encoder.forward(x, lengths=lengths)  # (B, T, H)
    B, T, _ = h.shape
    ends = np.full(B, T) if lengths is None else require_lengths("lengths", lengths, B, T)  # (B,)
    total, count = np.zeros((B, T)), np.zeros((B, T))
    for t in range(T) if at == "every" else [ends - 1]:
        step = np.where(t < ends, t, -1)  # (B,), -1 where there is no loss
        dx, *_ = encoder.backward(_upstream(h, step, rng), cache)
        source = step[:, None] - np.arange(T)  # (B, T), the step that is k steps earlier
        norms = np.take_along_axis(_norms(dx), np.maximum(source, 0), axis=1)  # (B, T)
        total += np.where(source >= 0, norms, 0)
        count += source >= 0
    return np.arange(T), total / np.where(count > 0, count, np.nan)


def state_gradient_norms(encoder, x, rng):
    """How much of a gradient at the last step reaches the state k steps earlier.

    The encoder reads one step at a time, and its state's gradient is handed back likewise. The
    gradient of an LSTM is measured along h and along c, each.

    Args:
        encoder: with layers in one direction whose state is all they know of earlier steps.
        x: (B, T, D) inputs, without padding. rng: as for gradient_norms.

    Returns:
        distances: (T,) k = 1 ... T; k = T is the state before the first step.
        norms: a list like the encoder's state, with an array (B, T) of norms in float64 in place
            of each array (B, H).

    Raises:
        ValueError: the encoder also reads backwards, or keeps no state (B, H).
    """
    name, (B, T, _) = type(encoder).__name__, x.shape
    if len(getattr(encoder, "directions", [""])) > 1:
        raise ValueError(f"{name} also reads from the end; its state does not run through all of x")
    if T == 0:
        raise ValueError(f"x has shape {x.shape}; expected at least one step")
    state, dstate, caches, norms = None, None, [], []
    for t in range(T):
        (h_t, state), cache = encoder.forward(x[:, t : t + 1], state)  # (B, 1, H)
        caches.append(cache)
    if not state:
        raise ValueError(f"{name} hands no state on from step to step")
    for array in (array for arrays in state for array in arrays):
        require_shape("state", array, (B, None), f"measuring {name} step by step")
    dh_t = _upstream(h_t, np.zeros(B, dtype=int), rng)  # (B, 1, H)
    for cache in reversed(caches):
        _, dstate, _ = encoder.backward(dh_t, cache, dstate)
        dh_t = np.zeros_like(h_t)  # (B, 1, H), no loss at earlier steps
        norms.append([_norms(array) for arrays in dstate for array in arrays])
    by_array = iter(np.stack(norms, axis=2))  # (B, T) each
    return np.arange(1, T + 1), [tuple(next(by_array) for _ in arrays) for arrays in state]


def state_jacobian(h_t, W_hh, nonlinearity="tanh"):
    """What a small change of h_{t-1} does to h_t in a vanilla RNN (eq-state-jacobian).

    Args:
        h_t: (B, H) states after the step. W_hh: (H, H). nonlinearity: "tanh", "relu" or "sigmoid".

    Returns:
        (B, H, H): row, column: dh_t[row] / dh_{t-1}[column].

    Raises:
        ValueError: sizes disagree, or another nonlinearity.
    """
    require_shape("h_t", h_t, (None, None), "a state")
    require_shape("W_hh", W_hh, (h_t.shape[1], h_t.shape[1]), f"h_t {h_t.shape}")
    _, activation_backward = nonlinearity_pair(nonlinearity)
    return activation_backward(np.ones_like(h_t), h_t)[..., None] * W_hh


def jacobian_singular_values(h, W_hh, nonlinearity="tanh"):
    """By which factors k steps stretch and shrink gradients (eq-jacobian-product).

    Args:
        h: (B, T, H) states of a vanilla RNN. W_hh: (H, H).
        nonlinearity: "tanh", "relu" or "sigmoid".

    Returns:
        (B, T, H) in float64: at k - 1 the singular values, the largest first, of dh_t/dh_{t-k}
            from the last step t = T - 1. Below 1e-16 times the largest they are rounding error.

    Raises:
        ValueError: sizes disagree, or another nonlinearity.
    """
    require_shape("h", h, (None, None, len(W_hh)), f"W_hh {np.shape(W_hh)}")
    B, T, H = h.shape
    product, values = np.tile(np.eye(H), (B, 1, 1)), np.full((B, T, H), np.nan)
    for k in range(T):
        with np.errstate(over="ignore", invalid="ignore"):  # explosion is a result, too
            product = product @ state_jacobian(h[:, T - 1 - k], W_hh, nonlinearity)  # (B, H, H)
        finite = np.isfinite(product).all(axis=(1, 2))  # (B,), the others stay NaN
        values[finite, k] = np.linalg.svd(product[finite], compute_uv=False)
    return values


def spectral_radius(W):
    """Largest distance of an eigenvalue of W (H, H) from 0: the growth in the long run."""
    require_shape("W", W, (len(W), len(W)), "the spectral radius")
    return float(np.abs(np.linalg.eigvals(W)).max(initial=0))


def largest_singular_value(W):
    """The most by which W (K, H) stretches any vector: the growth of a single step."""
    require_shape("W", W, (None, None), "the largest singular value")
    return float(np.linalg.svd(W, compute_uv=False).max(initial=0))


def scale_spectral_radius(W, radius):
    """W (H, H) times the factor that gives it this spectral radius.

    Raises:
        ValueError: W is not square, or all its eigenvalues are 0.
    """
    current = spectral_radius(W)
    if current == 0:
        raise ValueError(f"W {np.shape(W)} has spectral radius 0, which no factor changes")
    return W * W.dtype.type(radius / current)


def _previous(h, h_0):
    """States before each step (B, T, H) from those after it."""
    B, T, H = h.shape
    h_0 = np.zeros((B, H), dtype=h.dtype) if h_0 is None else h_0  # (B, H)
    return np.concatenate([h_0[:, None], h], axis=1)[:, :T]


def _gates(names, pre_activations, lengths):
    """Gates (B, T, H) by name, zeros at padded steps."""
    gates = {name: sigmoid(a) for name, a in zip(names, pre_activations, strict=True)}
    if lengths is None:
        return gates
    real = mask_from_lengths(lengths, pre_activations[0].shape[1])[..., None]  # (B, T, 1)
    return {name: np.where(real, gate, 0) for name, gate in gates.items()}


def lstm_gates(x, W_xh, W_hh, b_h=None, lengths=None, h_0=None, c_0=None):
    """The gates of every step of an LSTM (eq-lstm-gates).

    For an encoder's first layer: lstm_gates(x, **encoder.layer_params(0)). The inputs of a layer
    above are the states of the one below; those of a reverse direction run from the end.

    Args:
        x, W_xh, W_hh, b_h, lengths, h_0, c_0: as for lstm_forward.

    Returns:
        {"i": (B, T, H), "f": (B, T, H), "o": (B, T, H)}, entries in [0, 1], zeros where padded.

    Raises:
        ValueError: a size disagrees with the weights.
    """
    (h, _), _ = lstm_forward(x, h_0, c_0, W_xh, W_hh, b_h, lengths)  # (B, T, H)
    a = x @ W_xh.T + _previous(h, h_0) @ W_hh.T  # (B, T, 4H)
    a_i, a_f, _, a_o = np.split(a if b_h is None else a + b_h, 4, axis=2)  # (B, T, H) each
    return _gates("ifo", [a_i, a_f, a_o], lengths)


def gru_gates(x, W_xh, W_hh, b_xh=None, b_hh=None, reset="after", lengths=None, h_0=None):
    """The gates of every step of a GRU (eq-gru-gates).

    Args:
        x, W_xh, W_hh, b_xh, b_hh, reset, lengths, h_0: as for gru_forward; see also lstm_gates.

    Returns:
        {"r": (B, T, H), "z": (B, T, H)}, entries in [0, 1], zeros where padded.

    Raises:
        ValueError: a size disagrees with the weights, or another reset.
    """
    h, _ = gru_forward(x, h_0, W_xh, W_hh, b_xh, b_hh, reset, lengths)  # (B, T, H)
    a = x @ W_xh.T + _previous(h, h_0) @ W_hh.T  # (B, T, 3H)
    for b in (b_xh, b_hh):
        a = a if b is None else a + b
    a_r, a_z, _ = np.split(a, 3, axis=2)  # (B, T, H) each
    return _gates("rz", [a_r, a_z], lengths)


def gate_statistics(gate, lengths=None, low=0.1, high=0.9):
    """What each unit's gate does, over all real steps.

    Args:
        gate: (B, T, H), entries in [0, 1]. lengths: (B,) real steps, or None for T each.
        low, high: below and above these a gate counts as saturated.

    Returns:
        {"mean", "low", "high", "time_scale"}: (H,) each; the mean, the shares of steps below
            ``low`` and above ``high``, and the steps of eq-time-scale, for a gate that keeps.

    Raises:
        ValueError: sizes disagree, or no step is real.
    """
    require_shape("gate", gate, (None, None, None), "(B, T, H): gate_statistics")
    B, T, _ = gate.shape
    lengths = np.full(B, T) if lengths is None else require_lengths("lengths", lengths, B, T)
    values = gate[mask_from_lengths(lengths, T)]  # (N, H)
    if len(values) == 0:
        raise ValueError("no step is real; the statistics are undefined")
    with np.errstate(divide="ignore"):  # 0 and infinity are the right time scales of 0 and of 1
        time_scale = 1 / np.abs(np.log(values).mean(axis=0))  # (H,)
    saturated = {"low": (values < low).mean(axis=0), "high": (values > high).mean(axis=0)}
    return {"mean": values.mean(axis=0)} | saturated | {"time_scale": time_scale}
