"""Examine a function: compare it with the reference on given inputs, part by part.

A task lists *aspects*, the things a right answer does, each with a weight and inputs on which it
shows; and *suspects*, well-known wrong formulas. Where a result is wrong, the suspect that gives
the learner's very numbers on the same inputs names the likely cause.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rnn_course.examination.calling import call, describe_arguments, describe_error, each
from rnn_course.examination.compare import Missing, difference, matches, named_results, plain_cause
from rnn_course.examination.verdict import CAUSE, Part, Verdict

PRECISION = "float32 stays float32, float64 stays float64"
MANNERS = "inputs stay unchanged, and one call does not disturb another"
EPSILON = np.finfo(np.float64).eps
SAFETY = 4  # the bounds count roundings along one order of operations; others differ a little
CARRIED = (
    "A second call with the same inputs gives another result, so something is carried over from "
    "one call to the next: a global variable, a default argument, an unseeded random number, or an "
    "array made with np.empty of which a part is never filled."
)
VIEW = (
    "your result is a view into the input {}, not a new array: whoever changes one changes the "
    "other"
)
LISTED = (
    "{} is a {}; an array is asked for. It counts as right here, but code that computes with it "
    "needs an array: np.array makes one"
)
OVERWRITTEN = (
    "A second call changes the array that the first call returned: both write into one array that "
    "lives outside the function. Create the result inside."
)


@dataclass(frozen=True)
class Aspect:
    """One thing a right answer does.

    Attributes:
        name: as the report shows it. weight: its share of the points.
        cases: dicts of arguments on which it shows.
        outputs: names of the results concerned; empty for all.
        where: function of the arguments -> truth values that broadcast to the result, the entries
            concerned; None for all.
    """

    name: str
    weight: int
    cases: tuple
    outputs: tuple = ()
    where: Callable | None = None


@dataclass(frozen=True)
class Task:
    """What a function should do.

    Attributes:
        name: of the function. outputs: names of its results.
        reference: the right function, results as the learner should return them.
        aspects: tuple of Aspect; the first case of the first one shows most.
        suspects: {output: {cause: wrong function of the same arguments}}.
        fallbacks: dicts of arguments on which some functions run that fail elsewhere, such as
            all sizes equal; only to find the cause.
        rounding: function of the arguments: for each output a bound of the error in units of the
            machine epsilon. None: results are exact.
        shapes: {output: shape in letters}.
        kinds: {output: allowed numpy dtype kinds}, empty for any; None: float32 must stay float32.
    """

    name: str
    outputs: tuple
    reference: Callable
    aspects: tuple
    suspects: dict
    fallbacks: tuple = ()
    rounding: Callable | None = None
    shapes: dict | None = None
    kinds: dict | None = None


def examine(task, answer):
    """Verdict on ``answer``, a function that may live elsewhere and return plain arrays."""
    with np.errstate(all="ignore"):  # wrong formulas may overflow, and nobody needs to hear it
        return _Examination(task, answer).verdict()


def picked(run, key):
    """The function that runs ``run`` and takes one of its results."""
    return lambda *arguments: run(*arguments)[key]


def cast(arguments, dtype):
    """Arguments, however nested, with every floating-point array in another precision."""

    def to_dtype(value):
        is_float = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        return value.astype(dtype) if is_float else value

    return each(to_dtype, arguments)


def _other_batch(arguments):
    """Arguments of the same shapes with other values: every array and list from back to front.

    A list of dicts holds parameters, layer by layer, and keeps its order.
    """

    def turn(value):
        if isinstance(value, dict):
            return {name: turn(item) for name, item in value.items()}
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            return [turn(item) for item in value]
        return value[::-1] if isinstance(value, np.ndarray | list) else value

    return turn(arguments)


class _Examination:
    def __init__(self, task, answer):
        self.task, self.answer = task, answer
        self.notes, self.outcomes, self.references, self.bounds = {}, {}, {}, {}
        self.main = task.aspects[0].cases[0]

    def verdict(self):
        if isinstance(self._outcome(self.main).error, NotImplementedError):
            return Verdict(self.task.name, self._all_unwritten(), written=False)
        parts = [self._aspect_part(aspect) for aspect in self.task.aspects]
        pairs = zip(parts, self.task.aspects, strict=True)
        values_hold = all(part.held for part, a in pairs if a.cases[0] is self.main)
        later = [(MANNERS, self._manners_problem)]
        if self.task.kinds != {}:
            later.insert(0, (self._kind_name(), self._kind_problem))
        for name, find in later:
            parts.append(Part(name, 1, find()) if values_hold else Part(name, 1, later=True))
        remarks = () if any(part.problem for part in parts) else self._remarks()
        return Verdict(self.task.name, tuple(parts), (*self.notes, *remarks))

    def _remarks(self):
        """What to say of a right answer; a result that is a list makes a right array."""
        outcome, reference = self._outcome(self.main), self._expected(self.main)[1]
        as_is = named_results(outcome.value, reference, self.task.outputs, lambda _, value: value)
        yield from map(VIEW.format, outcome.views)
        for name, value in as_is.items():
            if isinstance(value, list | tuple):
                yield LISTED.format(name, type(value).__name__)

    def _all_unwritten(self):
        return tuple(Part(a.name, a.weight, "not written yet") for a in self.task.aspects)

    def _outcome(self, arguments):
        """The outcome of one call; after a time limit nothing is called any more."""
        key = id(arguments)
        if key not in self.outcomes:
            last = next(reversed(self.outcomes.values()), None)
            if last is not None and isinstance(last.error, TimeoutError):
                return last
            self.outcomes[key] = call(self.answer, arguments)
            self.notes |= dict.fromkeys(self.outcomes[key].notes)
        return self.outcomes[key]

    def _expected(self, arguments):
        key = id(arguments)  # as for outcomes
        if key not in self.references:
            reference = self.task.reference(*cast(arguments, np.float64).values())
            named = named_results(reference, reference, self.task.outputs)
            self.references[key] = named, reference
        return self.references[key]

    def _got(self, outcome, reference):
        return named_results(outcome.value, reference, self.task.outputs)

    def _tolerances(self, arguments, eps):
        if self.task.rounding is None:
            return dict.fromkeys(self._expected(arguments)[0], 0.0)
        key = id(arguments)
        if key not in self.bounds:
            bounds = self.task.rounding(*cast(arguments, np.float64).values())
            self.bounds[key] = named_results(bounds, bounds, self.task.outputs)
        return {name: SAFETY * eps * bound for name, bound in self.bounds[key].items()}

    def _aspect_part(self, aspect):
        problems = (self._problem(arguments, aspect) for arguments in aspect.cases)
        return Part(aspect.name, aspect.weight, next((p for p in problems if p), ""))

    def _problem(self, arguments, aspect, eps=EPSILON):
        outcome = self._outcome(arguments)
        if outcome.error is not None:
            return self._error_problem(outcome.error, arguments)
        expected, reference = self._expected(arguments)
        results = self._got(outcome, reference)
        tolerances = self._tolerances(arguments, eps)
        for name in aspect.outputs or expected:
            got, wanted = results[name], expected[name]
            if isinstance(got, Missing):
                return got.why
            here = aspect.where(arguments) if aspect.where else True
            coarse = got.dtype == np.float32  # its precision costs points of its own
            scale = np.finfo(np.float32).eps / eps if coarse else 1
            tolerance = np.where(here, tolerances[name] * scale, np.inf)
            words = (self.task.shapes or {}).get(name, "")
            text = difference(name, got, wanted, tolerance, words)
            if text:
                cause = self._cause(name, got, wanted, arguments, here)
                return f"{text}{CAUSE}{cause}" if cause else text
        return "" if arguments is not self.main or self._repeatable else CARRIED

    def _cause(self, name, got, expected, arguments, here=True):
        known = self._suspect(name, got, expected, arguments)
        if not known and here is not True:
            known = self._suspect(name, got, expected, arguments, here)
        if known:
            return known
        return plain_cause(got, expected) if self._repeatable else CARRIED

    @cached_property
    def _repeatable(self):
        first = self._outcome(self.main)
        return first.error is not None or self._agree(first, call(self.answer, self.main))

    def _suspect(self, name, got, expected, arguments, here=True):
        """The wrong formula that gives the learner's numbers, at least in the entries ``here``."""

        def agree(a, b):
            if np.shape(a) != expected.shape or np.shape(b) != expected.shape:
                return matches(a, b)
            return matches(np.where(here, a, 0), np.where(here, b, 0))

        values = cast(arguments, np.float64).values()
        for cause, wrong in self.task.suspects.get(name, {}).items():
            try:
                result = wrong(*values)
            except (ValueError, IndexError):  # a wrong formula may run for some sizes only
                continue
            if agree(got, result) and not agree(expected, result):
                return cause
        return ""

    def _error_problem(self, error, arguments):
        text = describe_error(error, self.answer)
        text += f"\nThe inputs were {describe_arguments(arguments)}."
        for fallback in self.task.fallbacks:
            outcome = self._outcome(fallback)
            if outcome.error is None:
                expected, reference = self._expected(fallback)
                for name, got in self._got(outcome, reference).items():
                    if not isinstance(got, Missing):
                        cause = self._suspect(name, got, expected[name], fallback)
                        if cause:
                            cause = cause if len(expected) == 1 else f"in {name}, {cause}"
                            return f"{text}{CAUSE}{cause}"
        return text

    def _agree(self, first, second):
        if second.error is not None:
            return False
        reference = self._expected(self.main)[1]
        a, b = self._got(first, reference), self._got(second, reference)
        return all(isinstance(a[n], Missing) or matches(b[n], a[n]) for n in a)

    def _kind_name(self):
        return PRECISION if self.task.kinds is None else "the right kind of numbers"

    def _kind_problem(self):
        if self.task.kinds is not None:
            return self._wrong_kind()
        self.narrow = cast(self.main, np.float32)  # kept: outcomes are found by identity
        return self._precision_problem(self.narrow)

    def _precision_problem(self, arguments):
        outcome = self._outcome(arguments)
        if outcome.error is not None:
            return self._error_problem(outcome.error, arguments)
        for name, got in self._arrays_of(self._outcome(self.main)):
            if got.dtype != np.float64:
                return f"With float64 inputs {name} comes out as {got.dtype}; expected float64."
        for name, got in self._arrays_of(outcome):
            if got.dtype != np.float32:
                return (
                    f"With float32 inputs {name} comes out as {got.dtype}; expected float32."
                    f"{CAUSE}np.zeros and np.eye without dtype= give float64, which turns "
                    "everything float64 that it touches. So does a NumPy number, such as "
                    "mask.sum() in a division or np.sqrt(3); int(mask.sum()) and 3**0.5 do not."
                )
        return self._problem(arguments, Aspect("", 0, ()), np.finfo(np.float32).eps)

    def _arrays_of(self, outcome):
        """Names and arrays of the results; a Python number has no precision to keep."""
        reference = self._expected(self.main)[1]
        as_is = named_results(outcome.value, reference, self.task.outputs, lambda _, value: value)
        for name, got in self._got(outcome, reference).items():
            if not isinstance(got, Missing) and type(as_is[name]) not in (int, float):
                yield name, got

    def _wrong_kind(self):
        words = {"b": "truth values (bool)", "iu": "integers", "f": "floating-point numbers"}
        outcome = self._outcome(self.main)
        reference = self._expected(self.main)[1]
        for name, got in self._got(outcome, reference).items() if not outcome.error else ():
            kinds = self.task.kinds[name]
            if not isinstance(got, Missing) and got.dtype.kind not in kinds:
                return f"{name} holds {got.dtype}; expected {words.get(kinds, 'numbers')}."
        return ""

    def _manners_problem(self):
        changed = [name for outcome in self.outcomes.values() for name in outcome.changed]
        if changed:
            return (
                f"The function writes into its input {changed[0]}. Whoever calls it still needs "
                "it as it was: make a new one instead of changing it with +=, -=, append or an "
                "assignment to its entries."
            )
        first = call(self.answer, self.main)
        before = self._copies(first)
        call(self.answer, _other_batch(self.main))
        after = self._copies(first)
        held = all(np.array_equal(a, after[name], equal_nan=True) for name, a in before.items())
        return "" if held else OVERWRITTEN

    def _copies(self, outcome):
        reference = self._expected(self.main)[1]
        named = self._got(outcome, reference)
        return {n: np.array(v) for n, v in named.items() if not isinstance(v, Missing)}
