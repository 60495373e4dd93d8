"""Schedules: learning rates that depend on the number of updates done so far.

Each function here returns a function of k = 0, 1, ..., the updates done, which an optimiser takes
as its ``learning_rate``. With r for the learning rate given and w for the updates of the warm-up:

    constant              r                                               (eq-schedule-constant)
    warm-up, while k < w  r (k + 1) / w                                   (eq-schedule-warm-up)
    cosine, from k = w    f + (r - f) (1 + cos(pi (k - w) / (N - w))) / 2 (eq-schedule-cosine)
    exponential           r q^k                                           (eq-schedule-exponential)
    step                  r q^floor(k / n)                                (eq-schedule-step)
    inverse square root   r sqrt(w / (k + 1)), from k = w                 (eq-schedule-inverse-root)

Rates are Python floats, so that they do not turn float32 into float64.
"""

from math import cos, inf, pi, sqrt


def constant(learning_rate):
    """The same learning rate at every update (eq-schedule-constant).

    Raises:
        ValueError: learning_rate is not positive and finite.
    """
    _require_rate(learning_rate)
    return lambda k: float(learning_rate)


def exponential_decay(learning_rate, factor):
    """Multiply the rate by ``factor`` after every update (eq-schedule-exponential).

    Args:
        learning_rate: at the first update. factor: in (0, 1].

    Raises:
        ValueError: learning_rate is not positive and finite, or factor lies outside (0, 1].
    """
    return step_decay(learning_rate, factor, every=1)


def step_decay(learning_rate, factor, every):
    """Multiply the rate by ``factor`` after each ``every`` updates (eq-schedule-step).

    Args:
        learning_rate: at the first update. factor: in (0, 1]. every: whole number, at least 1.

    Raises:
        ValueError: learning_rate is not positive and finite, factor lies outside (0, 1], or every
            is no whole number of at least 1.
    """
    _require_rate(learning_rate)
    if not 0 < factor <= 1:
        raise ValueError(f"factor is {factor}; expected more than 0 and at most 1")
    _require_count("every", every, 1)
    return lambda k: float(learning_rate * factor ** (k // every))


def cosine_decay(learning_rate, num_updates, warm_up=0, final=0.0):
    """Rise in equal steps during the warm-up, then fall along half a cosine to ``final``.

    eq-schedule-warm-up, then eq-schedule-cosine; after ``num_updates`` updates the rate stays
    ``final``.

    Args:
        learning_rate: the highest rate. num_updates: N, the warm-up included.
        warm_up: w, updates until the highest rate is reached. final: f, at most learning_rate.

    Raises:
        ValueError: learning_rate is not positive and finite, num_updates is no whole number of at
            least 1, warm_up none from 0 to num_updates - 1, or final outside [0, learning_rate].

    Source: Loshchilov and Hutter (2017), arXiv:1608.03983, equation 5, without restarts.
    """
    _require_rate(learning_rate)
    _require_count("num_updates", num_updates, 1)
    _require_count("warm_up", warm_up, 0, num_updates - 1)
    if not 0 <= final <= learning_rate:
        raise ValueError(f"final is {final}; expected 0 to the learning_rate {learning_rate}")

    def rate(k):
        if k < warm_up:
            return float(learning_rate * (k + 1) / warm_up)
        progress = min(1, (k - warm_up) / (num_updates - warm_up))  # from 0 to 1
        return float(final + (learning_rate - final) * (1 + cos(pi * progress)) / 2)

    return rate


def inverse_square_root(learning_rate, warm_up):
    """Rise in equal steps during the warm-up, then fall as one over the root of the updates.

    eq-schedule-warm-up, then eq-schedule-inverse-root. Training may go on for ever.
    The source's rate for a model of size D is learning_rate = (D w)^-0.5.

    Args:
        learning_rate: the highest rate. warm_up: w, updates until it is reached; at least 1.

    Raises:
        ValueError: learning_rate is not positive and finite, or warm_up is no whole number of at
            least 1.

    Source: Vaswani et al. (2017), arXiv:1706.03762, equation 3, whose step number is k + 1.
    """
    _require_rate(learning_rate)
    _require_count("warm_up", warm_up, 1)
    return lambda k: float(learning_rate * min((k + 1) / warm_up, sqrt(warm_up / (k + 1))))


def _require_rate(learning_rate):
    if not 0 < learning_rate < inf:
        raise ValueError(f"learning_rate is {learning_rate}; expected a positive finite number")


def _require_count(name, value, lowest, highest=inf):
    if value % 1 != 0 or not lowest <= value <= highest:
        limit = f"at least {lowest}" if highest == inf else f"{lowest} to {highest}"
        raise ValueError(f"{name} is {value}; expected a whole number, {limit}")
