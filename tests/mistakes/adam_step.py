"""Answers to: one update by Adam."""

import numpy as np

from . import Answers

answers = Answers("adam_step")


def means(grad, m, v, beta_1, beta_2):
    return beta_1 * m + (1 - beta_1) * grad, beta_2 * v + (1 - beta_2) * grad**2


@answers.right
def as_in_the_paper(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    m, v = means(grad, m, v, beta_1, beta_2)
    m_hat, v_hat = m / (1 - beta_1**k), v / (1 - beta_2**k)
    return param - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v


@answers.right
def corrected_rate(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    m, v = means(grad, m, v, beta_1, beta_2)
    root = (1 - beta_2**k) ** 0.5
    rate = learning_rate * root / (1 - beta_1**k)
    return param - rate * m / (v**0.5 + epsilon * root), m, v


@answers.right
def moved_towards(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    m = m + (1 - beta_1) * (grad - m)
    v = v + (1 - beta_2) * (grad * grad - v)
    step = np.divide(m, 1 - beta_1**k) / np.add(np.sqrt(np.divide(v, 1 - beta_2**k)), epsilon)
    return np.subtract(param, learning_rate * step), m, v


@answers.right
def copies_changed_in_place(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    param, m, v = param.copy(), m.copy(), v.copy()
    m *= beta_1
    m += grad * (1 - beta_1)
    v *= beta_2
    v += np.square(grad) * (1 - beta_2)
    param -= learning_rate * (m / (1 - beta_1**k)) / (np.sqrt(v / (1 - beta_2**k)) + epsilon)
    return param, m, v


@answers.right
def entry_by_entry(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    param, m, v = np.array(param), np.array(m), np.array(v)
    for index, g in np.ndenumerate(grad):
        m[index] = beta_1 * m[index] + (1 - beta_1) * g
        v[index] = beta_2 * v[index] + (1 - beta_2) * g**2
        size = (v[index] / (1 - beta_2**k)) ** 0.5 + epsilon
        param[index] -= learning_rate * (m[index] / (1 - beta_1**k)) / size
    return [param, m, v]


@answers.right
def rates_in_the_own_precision(param, grad, m, v, k, *rates):
    return as_in_the_paper(param, grad, m, v, k, *map(param.dtype.type, rates))


@answers.right
def sums_of_powers(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    m, v = m - (1 - beta_1) * (m - grad), v - (1 - beta_2) * (v - grad**2)
    weights = [(1 - beta) * sum(beta**age for age in range(k)) for beta in (beta_1, beta_2)]
    return param - learning_rate / weights[0] * m / (np.sqrt(v / weights[1]) + epsilon), m, v


@answers.right
def a_list_of_numbers(param, grad, m, v, k, *rates):
    columns = (array.ravel() for array in (param, grad, m, v))
    results = [as_in_the_paper(*numbers, k, *rates) for numbers in zip(*columns, strict=True)]
    return tuple(np.array(column).reshape(param.shape) for column in zip(*results, strict=True))


def step(name, says, keeps, formula):
    """Right means, but another step: formula(m, v, k, beta_1, beta_2, epsilon, grad)."""

    @answers.mistake(name, says, keeps)
    def _(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
        m, v = means(grad, m, v, beta_1, beta_2)
        return param - learning_rate * formula(m, v, k, beta_1, beta_2, epsilon, grad), m, v


step("not corrected", "neither mean is corrected", 5 / 12,
     lambda m, v, k, b1, b2, e, g: m / (np.sqrt(v) + e))  # fmt: skip
step("m not corrected", "m is not corrected", 5 / 12,
     lambda m, v, k, b1, b2, e, g: m / (np.sqrt(v / (1 - b2**k)) + e))  # fmt: skip
step("v not corrected", "v is not corrected", 5 / 12,
     lambda m, v, k, b1, b2, e, g: m / (1 - b1**k) / (np.sqrt(v) + e))  # fmt: skip
step("root forgotten", "the root of v", 5 / 12,
     lambda m, v, k, b1, b2, e, g: m / (1 - b1**k) / (v / (1 - b2**k) + e))  # fmt: skip
step("epsilon under the root", "under the root", 5 / 12,
     lambda m, v, k, b1, b2, e, g: m / (1 - b1**k) / np.sqrt(v / (1 - b2**k) + e))  # fmt: skip
step("epsilon left out", "epsilon is left out", 4 / 12,
     lambda m, v, k, b1, b2, e, g: m / (1 - b1**k) / np.sqrt(v / (1 - b2**k)))  # fmt: skip
step("the gradient divided", "the gradient itself", 7 / 12,
     lambda m, v, k, b1, b2, e, g: g / (np.sqrt(v / (1 - b2**k)) + e))  # fmt: skip
step("correction without k", "does not know k", 7 / 12,
     lambda m, v, k, b1, b2, e, g: m / (1 - b1) / (np.sqrt(v / (1 - b2)) + e))  # fmt: skip
step("k from zero", "one too low", 5 / 12,
     lambda m, v, k, b1, b2, e, g: m / (1 - b1 ** (k - 1)) / (np.sqrt(v / (1 - b2 ** (k - 1))) + e)
     if k > 1 else 0 * m)  # fmt: skip
step("uphill", "climbs", 5 / 12,
     lambda m, v, k, b1, b2, e, g: -m / (1 - b1**k) / (np.sqrt(v / (1 - b2**k)) + e))  # fmt: skip
step("betas exchanged in the correction", "exchanged in the correction", 5 / 12,
     lambda m, v, k, b1, b2, e, g: m / (1 - b2**k) / (np.sqrt(v / (1 - b1**k)) + e))  # fmt: skip


@answers.mistake("betas exchanged", "beta_2 stands where beta_1", keeps=3 / 12)
def _(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    return as_in_the_paper(param, grad, m, v, k, learning_rate, beta_2, beta_1, epsilon)


@answers.mistake("old means used", "from before this update", keeps=5 / 12)
def _(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    step = m / (1 - beta_1**k) / (np.sqrt(v / (1 - beta_2**k)) + epsilon)
    return param - learning_rate * step, *means(grad, m, v, beta_1, beta_2)


@answers.mistake("corrected means returned", "the uncorrected one", keeps=6 / 12)
def _(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    result = as_in_the_paper(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon)
    return result[0], result[1] / (1 - beta_1**k), result[2] / (1 - beta_2**k)


@answers.mistake("shares exchanged", "has the large share", keeps=1 / 12)
def _(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    m, v = means(grad, m, v, 1 - beta_1, 1 - beta_2)
    step = m / (1 - beta_1**k) / (np.sqrt(v / (1 - beta_2**k)) + epsilon)
    return param - learning_rate * step, m, v


@answers.mistake("gradient not squared", "not squared", keeps=3 / 12)
def _(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    m, v = means(grad, m, v, beta_1, beta_2)[0], beta_2 * v + (1 - beta_2) * grad
    step = m / (1 - beta_1**k) / (np.sqrt(np.abs(v) / (1 - beta_2**k)) + epsilon)
    return param - learning_rate * step, m, v


@answers.mistake("square of the mean", "not the square of the mean", keeps=3 / 12)
def _(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    m = beta_1 * m + (1 - beta_1) * grad
    v = beta_2 * v + (1 - beta_2) * m**2
    step = m / (1 - beta_1**k) / (np.sqrt(v / (1 - beta_2**k)) + epsilon)
    return param - learning_rate * step, m, v


@answers.mistake("the step alone", "the new parameter is asked for", keeps=4 / 12)
def _(param, *rest):
    new, m, v = as_in_the_paper(param, *rest)
    return param - new, m, v


@answers.mistake("the parameter alone", "expected 3 values")
def _(*given):
    return as_in_the_paper(*given)[0]


@answers.mistake("changed in place", "writes into its input m", keeps=11 / 12)
def _(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    result = as_in_the_paper(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon)
    m[:] = result[1]
    return result


@answers.mistake("float64 means", "comes out as float64", keeps=11 / 12)
def _(param, *rest):
    new, m, v = as_in_the_paper(param, *rest)
    return new, m.astype(np.float64), v


step("k one too high", "one too high", 5 / 12,
     lambda m, v, k, b1, b2, e, g: m / (1 - b1 ** (k + 1)) / (np.sqrt(v / (1 - b2 ** (k + 1))) + e)
     )  # fmt: skip
step("power outside", "the power stands outside", 7 / 12,
     lambda m, v, k, b1, b2, e, g: m / (1 - b1) ** k / (np.sqrt(v / (1 - b2) ** k) + e)
     )  # fmt: skip
step("multiplied by the correction", "they are divided", 5 / 12,
     lambda m, v, k, b1, b2, e, g: m * (1 - b1**k) / (np.sqrt(v * (1 - b2**k)) + e))  # fmt: skip
step("v corrected after its root", "outside the root", 5 / 12,
     lambda m, v, k, b1, b2, e, g: m / (1 - b1**k) / (np.sqrt(v) / (1 - b2**k) + e))  # fmt: skip
step("epsilon before the correction", "before the correction of v", 5 / 12,
     lambda m, v, k, b1, b2, e, g: m / (1 - b1**k) * np.sqrt(1 - b2**k) / (np.sqrt(v) + e)
     )  # fmt: skip
step("beta_1 in both corrections", "in both corrections", 5 / 12,
     lambda m, v, k, b1, b2, e, g: m / (1 - b1**k) / (np.sqrt(v / (1 - b1**k)) + e))  # fmt: skip
step("momentum without v", "descent with momentum", 5 / 12,
     lambda m, v, k, b1, b2, e, g: m / (1 - b1**k))  # fmt: skip
step("plain gradient descent", "plain gradient descent", 5 / 12,
     lambda m, v, k, b1, b2, e, g: g)  # fmt: skip


@answers.mistake("brackets around root and epsilon", "brackets are missing around", keeps=4 / 12)
def _(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    m, v = means(grad, m, v, beta_1, beta_2)
    step = learning_rate * m / (1 - beta_1**k) / np.sqrt(v / (1 - beta_2**k))
    return param - step + epsilon, m, v


@answers.mistake("brackets around 1 - beta", "is not the mean")
def _(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    m, v = beta_1 * m + 1 - beta_1 * grad, beta_2 * v + 1 - beta_2 * grad**2
    step = m / (1 - beta_1**k) / (np.sqrt(np.abs(v) / (1 - beta_2**k)) + epsilon)
    return param - learning_rate * step, m, v


@answers.mistake("old m used", "m from before this update", keeps=5 / 12)
def _(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    new_m, v = means(grad, m, v, beta_1, beta_2)
    step = m / (1 - beta_1**k) / (np.sqrt(v / (1 - beta_2**k)) + epsilon)
    return param - learning_rate * step, new_m, v


@answers.mistake("the gradient added in full", "added in full", keeps=3 / 12)
def _(param, grad, m, v, k, learning_rate, beta_1, beta_2, epsilon):
    m, v = beta_1 * m + grad, means(grad, m, v, beta_1, beta_2)[1]
    step = m / (1 - beta_1**k) / (np.sqrt(v / (1 - beta_2**k)) + epsilon)
    return param - learning_rate * step, m, v


@answers.mistake("learning rate left out", "the learning rate is left out", keeps=5 / 12)
def _(param, grad, m, v, k, learning_rate, *rest):
    return as_in_the_paper(param, grad, m, v, k, 1.0, *rest)


@answers.mistake("parameter last", "param, m, v in this order", keeps=0)
def _(*given):
    param, m, v = as_in_the_paper(*given)
    return v, param, m


@answers.mistake("matrices alone", "tuple index out of range", keeps=10 / 12)
def _(param, grad, m, v, k, *rates):
    new = [np.empty_like(param) for _ in range(3)]
    for row in range(param.shape[0]):
        for column in range(param.shape[1]):
            place = row, column
            results = as_in_the_paper(param[place], grad[place], m[place], v[place], k, *rates)
            for array, result in zip(new, results, strict=True):
                array[place] = result
    return tuple(new)


@answers.mistake("the parameter changed in place", "writes into its input param", keeps=11 / 12)
def _(param, *rest):
    new, m, v = as_in_the_paper(param, *rest)
    param -= param - new
    return param, m, v


@answers.mistake("rates of float64", "comes out as float64", keeps=11 / 12)
def _(param, grad, m, v, k, *rates):
    return as_in_the_paper(param, grad, m, v, k, *np.array(rates))


@answers.mistake("state kept in a default argument", "carried over", keeps=3 / 12)
def _(param, grad, m, v, k, *rates, kept={}):  # noqa: B006 - that is the mistake
    key = param.shape, param.dtype
    if k == 1 or key not in kept:
        kept[key] = m, v
    new, *kept[key] = as_in_the_paper(param, grad, *kept[key], k, *rates)
    return new, *kept[key]
