"""Judge a function that calls earlier ones of the same learner, so that no mistake costs twice.

Where the learner's step is wrong, a right loop over it gives wrong numbers. Such a loop is compared
with the reference's loop over the learner's own step.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from rnn_course.examination.calling import call
from rnn_course.examination.compare import matches
from rnn_course.examination.examine import MANNERS, PRECISION, cast, examine

NOTE = (
    "the numbers are not the right ones yet, because {} is not. Given that function, this one is "
    "judged by itself"
)
FIRST = "{} is not written either; whatever calls it stops there, so begin with it"
EXCUSE = "what {} does to its inputs, or to float32, is not counted here again"


@dataclass(frozen=True)
class Earlier:
    """An earlier function of the notebook.

    Attributes:
        answer: the learner's; None if the check was not given it. right: the reference.
        arguments: dict of arguments to try it on.
        needed: names of the floating-point arguments that must matter, as they do in every honest
            attempt; a function that ignores them cannot be followed.
    """

    answer: Callable | None
    right: Callable
    arguments: dict
    needed: tuple

    def run(self, *arguments):
        """Results of the learner's function as arrays; an error of it goes on."""
        outcome = call(self.answer, dict(enumerate(arguments)))
        if outcome.error is not None:
            raise outcome.error
        return _as_arrays(outcome.value)

    @cached_property
    def can_be_followed(self):
        """Whether it returns finite results of the right shapes that depend on what they must."""
        if self.answer is None:
            return False
        try:
            here = _leaves(self.run(*self.arguments.values()))
            like = _leaves(self.right(*self.arguments.values()))
            if not _alike(here, like):
                return False
            return all(self._depends_on(name, here) for name in self.needed)
        except Exception:  # whatever a learner's function does, its own check reports it
            return False

    @property
    def is_unwritten(self):
        """Whether it still stops with NotImplementedError."""
        answer = self.answer
        return answer and isinstance(call(answer, self.arguments).error, NotImplementedError)

    @property
    def is_wrong(self):
        """Whether it shows a mistake on its arguments; some mistakes show on others only."""
        here, like = (_leaves(run(*self.arguments.values())) for run in (self.run, self.right))
        return not all(map(matches, here, like))

    @cached_property
    def faults(self):
        """Names of the parts of a verdict that whatever calls this function fails as well."""
        outcome = call(self.answer, cast(self.arguments, np.float32))
        wide = any(leaf.dtype == np.float64 for leaf in _leaves(_as_arrays(outcome.value)))
        return {name for name, bad in ((MANNERS, outcome.changed), (PRECISION, wide)) if bad}

    def _depends_on(self, name, here):
        moved = self.arguments | {name: -self.arguments[name]}
        there = _leaves(self.run(*moved.values()))
        return not all(map(matches, there, here))


def _as_arrays(value):
    if isinstance(value, tuple):
        return tuple(map(_as_arrays, value))
    if isinstance(value, dict):
        return {key: _as_arrays(item) for key, item in value.items()}
    return np.asarray(value)


def _leaves(value):
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple):
        return [leaf for item in value for leaf in _leaves(item)]
    return [np.asarray(value)]


def _alike(here, like):
    shapes = [[array.shape for array in arrays] for arrays in (here, like)]
    kinds = [[array.dtype.kind for array in arrays] for arrays in (here, like)]
    finite = all(np.isfinite(array).all() for array in here)
    return shapes[0] == shapes[1] and kinds[0] == kinds[1] and finite


def examine_following(make_task, answer, *overs, **earlier):
    """Verdict on ``answer``, judged by what it makes of the learner's own earlier functions.

    Args:
        make_task: function of a reference -> Task; called without one it takes the right one.
        overs: functions of the earlier functions -> reference that calls them. Over a wrong
            function equally right references may differ; the kindest one counts.
        earlier: {name: Earlier}, in the order in which each of ``overs`` takes them.
    """
    verdict = examine(make_task(), answer)
    own = {name: one for name, one in earlier.items() if one.can_be_followed}
    if not verdict.written:
        missing = [name for name, one in earlier.items() if one.is_unwritten]
        notes = [FIRST.format(" or ".join(missing))] if missing else []
        return replace(verdict, notes=(*verdict.notes, *notes))
    if verdict.share == 1 or not own:
        return verdict
    runs = [one.run if name in own else one.right for name, one in earlier.items()]
    best = _excused(verdict, own)
    for over in overs:
        task = _where_defined(make_task, over(*runs))
        followed = _excused(examine(task, answer), own) if task else verdict
        if followed.share > best.share:
            wrong = [name for name, one in own.items() if one.is_wrong] or own
            best = replace(followed, notes=(*followed.notes, NOTE.format(" or ".join(wrong))))
    return best


def _where_defined(make_task, reference):
    """The task over a wrong reference, on the cases for which it gives numbers; None if on none."""

    def defined(arguments):
        try:
            leaves = _leaves(_as_arrays(task.reference(*arguments.values())))
            return all(np.isfinite(leaf).all() for leaf in leaves)
        except Exception:  # the earlier function's own check has reported it
            return False

    with np.errstate(all="ignore"):
        try:
            task = make_task(reference)
        except Exception:
            return None
        kept = [(a, tuple(case for case in a.cases if defined(case))) for a in task.aspects]
    aspects = tuple(replace(aspect, cases=cases) for aspect, cases in kept if cases)
    return replace(task, aspects=aspects) if aspects else None


def _excused(verdict, own):
    """The verdict without the parts that fail as they do in an earlier function."""
    guilty = [name for name, one in own.items() if one.faults]
    faults = set().union(*(own[name].faults for name in guilty))
    kept = tuple(part for part in verdict.parts if not (part.problem and part.name in faults))
    if len(kept) == len(verdict.parts):
        return verdict
    notes = (*verdict.notes, EXCUSE.format(" or ".join(guilty)))
    return replace(verdict, parts=kept, notes=notes)
