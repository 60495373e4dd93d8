"""Check of one update by Adam."""

import numpy as np

from rnn_course.examination.examine import Aspect, Task, examine

SIZE = (4, 3)
# Large, so that a misplaced epsilon shows
RATES = {"learning_rate": 0.3, "beta_1": 0.9, "beta_2": 0.99, "epsilon": 0.05}
OUTPUTS = ("param", "m", "v")


def _adam(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * grad
    v = beta_2 * v + (1 - beta_2) * grad**2
    mean, square = m / (1 - beta_1**k), v / (1 - beta_2**k)
    return param - learning_rate * mean / (np.sqrt(square) + epsilon), m, v


def _changed(step):
    """A wrong new parameter: step(m, v, k, beta_1, beta_2, epsilon, grad) is what is taken off."""

    def run(param, grad, m, v, k, rate, beta_1, beta_2, epsilon):
        _, m, v = _adam(param, grad, m, v, k, rate, beta_1, beta_2, epsilon)
        return param - rate * step(m, v, k, beta_1, beta_2, epsilon, grad)

    return run


def _mean(m, k, beta_1):
    return m / (1 - beta_1**k)


def _root(v, k, beta_2):
    return np.sqrt(v / (1 - beta_2**k))


def _old_means(param, grad, m, v, k, rate, beta_1, beta_2, epsilon):
    return param - rate * _mean(m, k, beta_1) / (_root(v, k, beta_2) + epsilon)


PARAM_SUSPECTS = {
    "neither mean is corrected for starting at zero: divide m by 1 - beta_1^k and v by "
    "1 - beta_2^k.": _changed(lambda m, v, k, b1, b2, e, g: m / (np.sqrt(v) + e)),
    "m is not corrected: it is divided by 1 - beta_1^k.": _changed(
        lambda m, v, k, b1, b2, e, g: m / (_root(v, k, b2) + e)
    ),
    "v is not corrected: it is divided by 1 - beta_2^k.": _changed(
        lambda m, v, k, b1, b2, e, g: _mean(m, k, b1) / (np.sqrt(v) + e)
    ),
    "the root of v is left out.": _changed(
        lambda m, v, k, b1, b2, e, g: _mean(m, k, b1) / (v / (1 - b2**k) + e)
    ),
    "epsilon stands under the root; it is added after it.": _changed(
        lambda m, v, k, b1, b2, e, g: _mean(m, k, b1) / np.sqrt(v / (1 - b2**k) + e)
    ),
    "epsilon is added to the root before the correction of v; it is added after it, to "
    "sqrt(v / (1 - beta_2^k)).": _changed(
        lambda m, v, k, b1, b2, e, g: _mean(m, k, b1) * np.sqrt(1 - b2**k) / (np.sqrt(v) + e)
    ),
    "the correction of v stands outside the root; v is divided first.": _changed(
        lambda m, v, k, b1, b2, e, g: _mean(m, k, b1) / (np.sqrt(v) / (1 - b2**k) + e)
    ),
    "epsilon is added to the quotient: brackets are missing around root + epsilon.": (
        lambda p, *i: _adam(p, *i[:-1], 0)[0] + i[-1]
    ),
    "epsilon is added to the step: brackets are missing around root + epsilon.": (
        lambda p, *i: _adam(p, *i[:-1], 0)[0] - i[-1]
    ),
    "epsilon is left out.": _changed(
        lambda m, v, k, b1, b2, e, g: _mean(m, k, b1) / _root(v, k, b2)
    ),
    "the gradient itself is divided; its running mean m is.": _changed(
        lambda m, v, k, b1, b2, e, g: g / (_root(v, k, b2) + e)
    ),
    "the correction does not know k: it is 1 - beta instead of 1 - beta^k.": _changed(
        lambda m, v, k, b1, b2, e, g: _mean(m, 1, b1) / (_root(v, 1, b2) + e)
    ),
    "the power stands outside: the correction is 1 - beta^k, not (1 - beta)^k.": _changed(
        lambda m, v, k, b1, b2, e, g: m / (1 - b1) ** k / (np.sqrt(v / (1 - b2) ** k) + e)
    ),
    "the means are multiplied by the corrections; they are divided.": _changed(
        lambda m, v, k, b1, b2, e, g: m * (1 - b1**k) / (np.sqrt(v * (1 - b2**k)) + e)
    ),
    "k is counted one too low in the correction: the first update has k = 1.": _changed(
        lambda m, v, k, b1, b2, e, g: _mean(m, k - 1, b1) / (_root(v, k - 1, b2) + e)
    ),
    "k is counted one too high in the correction.": _changed(
        lambda m, v, k, b1, b2, e, g: _mean(m, k + 1, b1) / (_root(v, k + 1, b2) + e)
    ),
    "beta_1 stands in both corrections; that of v has beta_2.": _changed(
        lambda m, v, k, b1, b2, e, g: _mean(m, k, b1) / (_root(v, k, b1) + e)
    ),
    "beta_1 and beta_2 are exchanged in the correction.": _changed(
        lambda m, v, k, b1, b2, e, g: _mean(m, k, b2) / (_root(v, k, b1) + e)
    ),
    "the step is added: that climbs the loss.": _changed(
        lambda m, v, k, b1, b2, e, g: -_mean(m, k, b1) / (_root(v, k, b2) + e)
    ),
    "the means from before this update are used.": _old_means,
    "m from before this update is used.": lambda p, g, m, v, k, r, b1, b2, e: (
        p - r * _mean(m, k, b1) / (_root(_adam(p, g, m, v, k, r, b1, b2, e)[2], k, b2) + e)
    ),
    "v from before this update is used.": lambda p, g, m, v, k, r, b1, b2, e: (
        p - r * _mean(_adam(p, g, m, v, k, r, b1, b2, e)[1], k, b1) / (_root(v, k, b2) + e)
    ),
    "the mean is not divided by the root of v: this is gradient descent with momentum.": _changed(
        lambda m, v, k, b1, b2, e, g: _mean(m, k, b1)
    ),
    "the gradient is used as it is: this is plain gradient descent.": _changed(
        lambda m, v, k, b1, b2, e, g: g
    ),
    "the learning rate is left out.": lambda p, *rest: p + (_adam(p, *rest)[0] - p) / rest[4],
    "this is the step; the new parameter is asked for.": lambda p, *rest: p - _adam(p, *rest)[0],
}
MEAN_SUSPECTS = {
    "beta_1 and 1 - beta_1 are exchanged: the old mean has the large share.": lambda *i: (
        (1 - i[6]) * i[2] + i[6] * i[1]
    ),
    "the corrected mean is returned; the next update needs the uncorrected one.": lambda *i: (
        _adam(*i)[1] / (1 - i[6] ** i[4])
    ),
    "the gradient is added in full; it counts with the share 1 - beta_1.": lambda *i: (
        i[6] * i[2] + i[1]
    ),
    "brackets are missing: beta_1 * m + 1 - beta_1 * grad is not the mean.": lambda *i: (
        i[6] * i[2] + 1 - i[6] * i[1]
    ),
    "this is the new parameter; the results are param, m, v in this order.": lambda *i: _adam(*i)[
        0
    ],
    "the old mean is forgotten.": lambda *i: (1 - i[6]) * i[1],
    "the mean comes back as it was.": lambda *i: i[2],
    "beta_2 stands where beta_1 belongs.": lambda *i: i[7] * i[2] + (1 - i[7]) * i[1],
}
SQUARE_SUSPECTS = {
    "the gradient is not squared.": lambda *i: i[7] * i[3] + (1 - i[7]) * i[1],
    "the corrected mean is returned; the next update needs the uncorrected one.": lambda *i: (
        _adam(*i)[2] / (1 - i[7] ** i[4])
    ),
    "it is the mean of the squares, not the square of the mean m.": lambda *i: (
        i[7] * i[3] + (1 - i[7]) * _adam(*i)[1] ** 2
    ),
    "the gradient's absolute value stands where its square belongs.": lambda *i: (
        i[7] * i[3] + (1 - i[7]) * np.abs(i[1])
    ),
    "beta_1 stands where beta_2 belongs.": lambda *i: i[6] * i[3] + (1 - i[6]) * i[1] ** 2,
    "beta_2 and 1 - beta_2 are exchanged: the old mean has the large share.": lambda *i: (
        (1 - i[7]) * i[3] + i[7] * i[1] ** 2
    ),
    "the old mean is forgotten.": lambda *i: (1 - i[7]) * i[1] ** 2,
    "the mean comes back as it was.": lambda *i: i[3],
    "the squares are added in full; they count with the share 1 - beta_2.": lambda *i: (
        i[7] * i[3] + i[1] ** 2
    ),
}


def _draw(rng, k, size=SIZE, **replaced):
    given = {name: rng.standard_normal(size) for name in ("param", "grad", "m")}
    return given | {"v": rng.uniform(0.1, 1, size), "k": k} | RATES | replaced


def _rounding(param, grad, m, v, k, rate, beta_1, beta_2, epsilon):
    """m has 3 operations, v has 4; one unit more for a beta rounded to the inputs' precision.

    With the relative error of its beta, 1 - beta^k is wrong by at most 1 / (1 - beta), relative.
    v's relative error and its correction's come out of the root halved. Then the root, the sum,
    the quotient, the product with the rate, and the difference: 5, 3 for the two corrections.
    """
    new, _, new_v = _adam(param, grad, m, v, k, rate, beta_1, beta_2, epsilon)
    m_bound, v_bound = 4 * (np.abs(m) + np.abs(grad)), 5 * (v + grad**2)
    size = np.sqrt(new_v / (1 - beta_2**k)) + epsilon
    relative = v_bound / np.where(new_v > 0, new_v, 1) / 2
    relative += 8 + 1 / (1 - beta_1) + 1 / (1 - beta_2) / 2
    step = rate / (1 - beta_1**k) * m_bound / size
    return np.abs(param) + np.abs(new) + step + relative * np.abs(param - new), m_bound, v_bound


def _task(seed):
    rng = np.random.default_rng(seed)
    zeros = np.zeros((2, 6))
    main, first = _draw(rng, 5), _draw(rng, 1, (5,), m=np.zeros(5), v=np.zeros(5))
    still = _draw(rng, 1, zeros.shape, m=zeros, v=zeros, grad=zeros)
    return Task(
        name="adam_step",
        outputs=OUTPUTS,
        reference=_adam,
        aspects=(
            Aspect("m, the running mean of the gradient", 2, (main,), ("m",)),
            Aspect("v, the running mean of its square", 2, (main,), ("v",)),
            Aspect("the parameter after the fifth update", 3, (main,), ("param",)),
            Aspect("a bias after the first update, from m = v = 0", 2, (first,), ("param",)),
            Aspect("a gradient of zero moves nothing", 1, (still,)),
        ),
        suspects=dict(zip(OUTPUTS, (PARAM_SUSPECTS, MEAN_SUSPECTS, SQUARE_SUSPECTS), strict=True)),
        rounding=_rounding,
        shapes=dict.fromkeys(OUTPUTS, "the shape of param"),
    )


def check_adam_step(answer, seed=3004):
    """Check answer(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon); a Verdict."""
    return examine(_task(seed), answer)
