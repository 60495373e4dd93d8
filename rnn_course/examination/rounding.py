"""How far rounding may take a right answer from the reference.

Where a bound cannot be written down in one line, it is measured: the roundings of a computation do
to its result what equally small changes of its inputs do, times the number of operations that one
number passes through. So the inputs are changed, each entry by the same share up or down, and the
largest effect is the bound. It counts in units of the machine epsilon and holds for any dtype.
"""

import numpy as np

from rnn_course.examination.calling import each

STEP = 2.0**-20  # large beside float64's epsilon, small beside the curvature of the functions


def _changed(argument, rng):
    if isinstance(argument, np.ndarray) and argument.dtype.kind == "f":
        return argument * (1 + STEP * rng.choice((-1.0, 1.0), argument.shape))
    return argument


def measured_rounding(reference, operations, draws=12):
    """Bound of the rounding error of ``reference``, for Task.rounding.

    Args:
        reference: function of arrays; arrays, tuples or dicts of them come back.
        operations: how many operations one number passes through, such as T * (H + D).
        draws: how often the inputs are changed.

    Returns:
        function of the same arguments: the bound in units of the machine epsilon, nested as the
        reference's result.
    """

    def bound(*arguments):
        rng, right = np.random.default_rng(0), reference(*arguments)
        effect = each(lambda value: np.zeros(np.shape(value)), right)
        for _ in range(draws):
            moved = reference(*each(lambda argument: _changed(argument, rng), arguments))
            effect = each(lambda e, m, r: np.maximum(e, abs(m - r) / STEP), effect, moved, right)

        def total(value, change):
            size = np.abs(value).astype(float)
            return operations * (change + size + size.mean() if size.size else size)

        return each(total, right, effect)

    return bound
