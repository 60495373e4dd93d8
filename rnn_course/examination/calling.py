"""Call a learner's function on copies, and keep what it returns, raises, warns and prints."""

import contextlib
import copy
import io
import traceback
import warnings
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Outcome:
    """What one call did.

    Attributes:
        value: what it returned. error: the exception it raised, or None.
        changed: names of the arguments that the call wrote into.
        views: names of the arguments whose memory a result shares.
        notes: remarks on its warnings and its output.
    """

    value: object = None
    error: Exception | None = None
    changed: tuple = ()
    views: tuple = ()
    notes: tuple = ()


def same(a, b):
    """Whether two arguments (arrays, numbers, nested lists and dicts) hold the same."""
    if isinstance(a, dict):
        return type(a) is type(b) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray):
        equal_nan = a.dtype.kind == "f"
        return a.dtype == np.asarray(b).dtype and np.array_equal(a, b, equal_nan=equal_nan)
    return a == b


def call(answer, arguments):
    """Call ``answer`` on copies of the values of the dict ``arguments``; return an Outcome."""
    given = copy.deepcopy(list(arguments.values()))
    errors, printed = io.StringIO(), io.StringIO()
    value = error = None
    with (
        warnings.catch_warnings(record=True) as caught,
        contextlib.redirect_stderr(errors),
        contextlib.redirect_stdout(printed),
        np.errstate(divide="warn", over="warn", invalid="warn", under="ignore"),
    ):
        warnings.simplefilter("always")
        try:
            value = answer(*given)
        except Exception as raised:  # the learner's error is part of the report
            error = raised
    pairs = zip(arguments, arguments.values(), given, strict=True)
    changed = tuple(name for name, before, after in pairs if not same(before, after))
    views = tuple(_shared(value, dict(zip(arguments, given, strict=True))))
    return Outcome(value, error, changed, views, tuple(_notes(caught, errors, printed)))


def _notes(caught, errors, printed):
    for warning in caught:
        yield f"your code gave the warning {warning.category.__name__}: {warning.message}"
    if errors.getvalue():
        yield "your code writes to the error output; it is left out here"
    if printed.getvalue():
        yield "your code prints; that is left out here, and welcome while you look for a mistake"


def each(function, *values):
    """Apply a function to values, or to the entries of dicts, lists and tuples, however nested."""
    first = values[0]
    if isinstance(first, dict):
        return {key: each(function, *(value[key] for value in values)) for key in first}
    if isinstance(first, tuple | list):
        return type(first)(each(function, *group) for group in zip(*values, strict=True))
    return function(*values)


def _arrays(value):
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _arrays(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _arrays(item)


def _shared(value, given):
    results = list(_arrays(value))
    for name, argument in given.items():
        if any(np.shares_memory(a, b) for a in results for b in _arrays(argument)):
            yield name


def describe_error(error, answer):
    """The name and message of an error and the learner's own line that led to it."""
    text = f"It stops with {type(error).__name__}: {error}"
    own_file = getattr(getattr(answer, "__code__", None), "co_filename", None)
    own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == own_file]
    if own and own[-1].line:
        text += f"\nin line {own[-1].lineno} of your cell: {own[-1].line}"
    return text


def describe_arguments(arguments):
    """The shapes of the arrays and the values of the small arguments."""

    def describe(name, value):
        if isinstance(value, dict):
            return f"{name} {{{describe_arguments(value)}}}"
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            return f"{name} [{describe_arguments(dict(enumerate(value)))}]"
        return f"{name} {value.shape}" if isinstance(value, np.ndarray) else f"{name} = {value!r}"

    return ", ".join(describe(name, value) for name, value in arguments.items())
