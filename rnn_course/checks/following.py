"""Judge a function that calls earlier ones of the same learner, so that no mistake costs twice.

Where the learner's step is wrong, a right loop over it gives wrong numbers. Such a loop is compared
with the reference's loop over the learner's own step.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from rnn_course.checks.calling import call
from rnn_course.checks.compare import matches
from rnn_course.checks.examine import examine

NOTE = (
    "the numbers are not the right ones yet, because {} is not. Given that function, this one is "
    "judged by itself"
)


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


def examine_following(make_task, answer, over, **earlier):
    """Verdict on ``answer``, judged by what it makes of the learner's own earlier functions.

    Args:
        make_task: function of a reference -> Task; called without one it takes the right one.
        over: function of the earlier functions -> reference that calls them.
        earlier: {name: Earlier}, in the order in which ``over`` takes them.
    """
    verdict = examine(make_task(), answer)
    own = [name for name, one in earlier.items() if one.can_be_followed]
    if verdict.share == 1 or not verdict.written or not own:
        return verdict
    runs = [one.run if name in own else one.right for name, one in earlier.items()]
    try:
        followed = examine(make_task(over(*runs)), answer)
    except Exception:  # the learner's earlier function fails on these inputs
        return verdict
    if followed.share <= verdict.share:
        return verdict
    return replace(followed, notes=(*followed.notes, NOTE.format(" or ".join(own))))
