"""Compare what a function returned with what it should have returned, and say what differs."""

import reprlib

import numpy as np

LOOSE = 1e-5  # two results of one formula, whatever the order and precision of its operations


class Missing:
    """Stands in the place of a result that cannot be compared; ``why`` tells the learner."""

    def __init__(self, why):
        self.why = why


def as_array(name, value):
    """A result as an array of numbers or truth values, or Missing."""
    if value is None:
        return Missing(f"{name} is None: does the function end in a `return` with a value?")
    try:
        array = np.asarray(value)
    except ValueError:
        return Missing(f"{name} has rows of different lengths, so it cannot become one array.")
    if array.dtype.kind == "c":
        return Missing(
            f"{name} holds complex numbers; real ones are asked for. The size of a complex number "
            "is its absolute value, np.abs."
        )
    if array.dtype.kind not in "biuf":
        what = f"{type(value).__name__}: {reprlib.repr(value)}"
        return Missing(f"{name} should hold numbers, but it is {what}")
    return array


def named_results(value, like, names, take=as_array):
    """Results by name: {"dx_t": array, 'grads["b_h"]': array, ...}; absent ones are Missing.

    Args:
        value: what a function returned. like: what the reference returned.
        names: names of the results; with one name the value itself is the result.
        take: function of name and value, what to keep of each result.
    """
    if len(names) == 1:
        values, likes = [value], [like]
        if _is_several(value, like):
            return {
                names[0]: Missing(
                    f"It returns a tuple of {len(value)} values; expected {names[0]} alone."
                )
            }
    else:
        values, likes = value, like
        if not isinstance(value, list | tuple) or len(value) != len(names):
            kind = "nothing" if value is None else f"one {type(value).__name__}".replace("nd", "")
            kind = f"{len(value)} values" if isinstance(value, list | tuple) else kind
            why = f"It returns {kind}; expected {len(names)} values: {', '.join(names)}."
            values = [Missing(why)] * len(names)
    results = {}
    for name, item, item_like in zip(names, values, likes, strict=True):
        if isinstance(item, Missing) and not isinstance(item_like, dict):
            results[name] = item
        elif isinstance(item_like, dict):
            results |= _named_entries(name, item, item_like, take)
        else:
            results[name] = take(name, item)
    return results


def _is_several(value, like):
    """Whether a tuple holds more than the one result that is asked for, and not just its rows."""
    if not isinstance(value, tuple) or isinstance(like, tuple | dict):
        return False
    array = as_array("", value)
    return isinstance(array, Missing) or array.shape != np.shape(like)


def _named_entries(name, item, like, take):
    entries = {}
    for key in like:
        entry = f'{name}["{key}"]'
        if isinstance(item, Missing):
            entries[entry] = item
        elif not isinstance(item, dict):
            entries[entry] = Missing(f"{name} should be a dict with the keys {', '.join(like)}.")
        elif key not in item:
            there = ", ".join(map(str, item)) or "none"
            entries[entry] = Missing(f"{name} has no entry {key!r}; its keys: {there}.")
        else:
            entries[entry] = take(entry, item[key])
    return entries


def matches(got, wrong):
    """Whether ``got`` is what a formula gives that has the result ``wrong``."""
    got, wrong = np.asarray(got, dtype=float), np.asarray(wrong, dtype=float)
    if got.shape != wrong.shape:
        return False
    plain = np.isfinite(wrong)
    if not np.array_equal(got[~plain], wrong[~plain], equal_nan=True):
        return False
    scale = np.abs(wrong[plain]).max(initial=0)
    return bool((np.abs(got[plain] - wrong[plain]) <= LOOSE * scale).all())


def difference(name, got, expected, tolerance, shape_words=""):
    """Describe how ``got`` differs from ``expected``; empty when it agrees within tolerance.

    Args:
        got, expected: arrays. tolerance: largest accepted difference, of a shape that broadcasts.
        shape_words: the expected shape in letters, such as "(B, H)".
    """
    if got.shape != expected.shape:
        means = f", that is {shape_words}" if shape_words else ""
        return f"{name} has the shape {got.shape}; expected {expected.shape}{means}."
    truths = expected.dtype.kind == "b"
    got, expected = got.astype(float), expected.astype(float)
    bad = ~np.isfinite(got) & np.isfinite(tolerance)
    if bad.any():
        first = tuple(np.argwhere(bad)[0])
        amount = f" {bad.sum()} of {bad.size} values are not finite." if bad.size > 1 else ""
        return f"{_place(name, first)} should be {expected[first]:.6g} and is {got[first]}.{amount}"
    error = np.abs(got - expected)
    wrong = ~(error <= tolerance) & np.isfinite(tolerance)
    if not wrong.any():
        return ""
    worst = np.unravel_index(np.argmax(np.where(wrong, error, -1)), error.shape)
    should, is_now = _distinct(expected[worst], got[worst], truths)
    amount = f" {wrong.sum()} of {wrong.size} values differ." if wrong.size > 1 else ""
    return f"{_place(name, worst)} should be {should} and is {is_now}.{amount}"


def _distinct(expected, got, truths):
    """Both numbers as text, with as many digits as it takes to tell them apart."""
    if truths and {expected, got} == {0, 1}:
        return bool(expected), bool(got)
    for digits in range(6, 18):
        texts = f"{expected + 0.0:.{digits}g}", f"{got + 0.0:.{digits}g}"  # + 0.0: no "-0"
        if texts[0] != texts[1]:
            break
    return texts


def _place(name, index):
    return f"{name}[{', '.join(str(int(k)) for k in index)}]" if len(index) else name


def plain_cause(got, expected):
    """A cause that shows in the numbers themselves, whatever the task; empty if none does."""
    if got.shape != expected.shape:
        if sorted(got.shape) == sorted(expected.shape):
            return "the sizes are right but in another order: two axes are exchanged."
        if got.size == expected.size:
            return "the number of values is right, but they are laid out in another shape."
        return ""
    got, expected = got.astype(float), expected.astype(float)
    if not np.isfinite(got).all():
        return "look for an overflow in exp, a division by zero, log(0), or 0 times infinity."
    if matches(got, expected):
        return (
            "the values are close but not exact: was something rounded, or a small number added "
            "to avoid log(0) or a division by zero?"
        )
    if not got.any():
        return "every value is zero: was the result ever filled in?"
    if matches(got, -expected):
        return "every value has the wrong sign."
    if expected.size > 1 and expected.any():  # of one number every wrong value is a multiple
        factor = float((got * expected).sum() / (expected * expected).sum())
        if factor and matches(got, factor * expected):
            return (
                f"every value is {factor:.4g} times the right one: a sum where a mean belongs, a "
                "mean where a sum belongs, or a forgotten factor."
            )
    return _where_wrong(got, expected)


def _where_wrong(got, expected):
    wrong = np.abs(got - expected) > LOOSE * np.abs(expected).max(initial=0)
    for axis, size in enumerate(wrong.shape):
        others = tuple(k for k in range(wrong.ndim) if k != axis)
        rows = np.flatnonzero(wrong.any(axis=others))
        if len(rows) < size and size > 1:
            places = ", ".join(str(int(row)) for row in rows)
            return (
                f"it shows at index {places} of axis {axis} (0 to {size - 1}) only, and the rest "
                "is right: what is special there?"
            )
    return ""
