"""Judge what calls the learner's reverse_padded by what it makes of it, right or wrong."""

from dataclasses import replace

import numpy as np

from rnn_course import layers, text
from rnn_course.checks.calling import call
from rnn_course.checks.compare import matches
from rnn_course.checks.examine import MANNERS
from rnn_course.checks.following import Earlier, examine_following
from rnn_course.checks.reversal import LENGTHS, D, T

NOTE = "what reverse_padded does to its input, or to float32, is not counted here again"
KIND = "float32 stays float32, float64 stays float64"  # the part's name in examine


def examine_over_reversal(make_task, answer, overs, reverse_padded, seed):
    """Verdict on a function that calls the learner's reverse_padded, right or wrong.

    make_task: function of a reference -> Task. overs: functions of a reversal -> reference; where
    the reversal is wrong, equally right functions differ, and the kindest one counts.
    """
    own = _own_reversal(reverse_padded, np.random.default_rng(seed))
    best = None
    for over in overs:
        verdict = examine_following(_where_it_runs(make_task), answer, over, reverse_padded=own)
        best = verdict if best is None or verdict.share > best.share else best
        if best.share == 1 or not own.can_be_followed:
            break
    return _excused(best, own)


def _own_reversal(reverse_padded, rng):
    """The learner's reversal, followed only if it moves real steps: else nothing is turned."""
    x, lengths = rng.uniform(-1, 1, (len(LENGTHS), T, D)), np.array(LENGTHS)
    own = Earlier(reverse_padded, layers.reverse_padded, {"x": x, "lengths": lengths}, ("x",))
    real = text.mask_from_lengths(lengths, T)  # (B, T)
    moves = own.can_be_followed and not matches(own.run(x, lengths)[real], x[real])
    return own if moves else replace(own, answer=None)


def _where_it_runs(make_task):
    """Tasks over the learner's reversal without the cases on which it stops with an error."""

    def runs(reference, given):
        try:
            reference(*given.values())
        except Exception:  # the check of the reversal has reported it
            return False
        return True

    def made(*reference):
        task = make_task(*reference)
        if not reference:
            return task
        kept = [tuple(c for c in a.cases if runs(task.reference, c)) for a in task.aspects]
        pairs = zip(task.aspects, kept, strict=True)
        return replace(task, aspects=tuple(replace(a, cases=cases) for a, cases in pairs if cases))

    return made


def _excused(verdict, own):
    """The verdict without parts that fail because the reversal does the same wrong thing."""
    if verdict.share == 1 or not own.can_be_followed:
        return verdict
    narrow = own.arguments | {"x": own.arguments["x"].astype(np.float32)}
    outcome = call(own.answer, narrow)
    wide = np.asarray(outcome.value).dtype != np.float32
    faults = {MANNERS: bool(outcome.changed), KIND: wide}
    kept = tuple(part for part in verdict.parts if not (part.problem and faults.get(part.name)))
    notes = verdict.notes if kept == verdict.parts else (*verdict.notes, NOTE)
    return replace(verdict, parts=kept, notes=notes)
