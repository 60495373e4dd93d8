"""Check of one round of a parallel scan, which joins every stretch with the one before it."""

import functools

import numpy as np

from rnn_course.checks.recurrences import WRONG_ADDS, WRONG_KEEPS, combine, draw_recurrence
from rnn_course.examination.examine import Aspect, Task, picked
from rnn_course.examination.following import Earlier, examine_following
from rnn_course.examination.rounding import measured_rounding
from rnn_course.scan import scan_steps

B, T, H = 4, 10, 5  # each larger than REACH, so that a wrong axis can be cut too
REACH = 3


def _cut(a, first, last=None, axis=1):
    return a[(slice(None),) * axis + (slice(first, last),)]


def _round(join=combine, distance=lambda reach: reach, axis=1):
    """One round, where the operation, the distance or the axis may be wrong."""

    def run(keep, add, reach):
        back = distance(reach)
        if back >= keep.shape[axis]:
            return keep.copy(), add.copy()
        earlier = [_cut(a, 0, a.shape[axis] - back, axis) for a in (keep, add)]
        joined = join(*earlier, *(_cut(a, back, None, axis) for a in (keep, add)))
        pairs = zip((keep, add), joined, strict=True)
        return tuple(np.concatenate([_cut(a, 0, back, axis), new], axis) for a, new in pairs)

    return run


_right = _round()


def _over(join):
    """A round by the learner's operation, which takes two stretches (2, B, T, H)."""
    return _round(lambda *parts: join(np.stack(parts[:2]), np.stack(parts[2:])))


def _reversed(run):
    """The same from the other end: each stretch meets the one after it."""

    def turned(keep, add, reach):
        return tuple(a[:, ::-1] for a in run(keep[:, ::-1], add[:, ::-1], reach))

    return turned


def _exchanged(keep_1, add_1, keep_2, add_2):
    return combine(keep_2, add_2, keep_1, add_1)


def _first_steps(keep, add):
    """A round where the steps that nothing comes before are joined with something."""

    def run(k, a, reach):
        shape = (len(k), min(reach, k.shape[1]), k.shape[2])
        before = keep(k, reach) * np.ones(shape), add(a, reach) * np.ones(shape)
        padded = [np.concatenate(pair, axis=1) for pair in zip(before, (k, a), strict=True)]
        return tuple(new[:, reach:] for new in _right(*padded, reach))

    return run


def _in_place(keep, add, reach):
    keep, add = keep.copy(), add.copy()
    for t in range(reach, keep.shape[1]):
        before = keep[:, t - reach], add[:, t - reach]
        keep[:, t], add[:, t] = combine(*before, keep[:, t], add[:, t])
    return keep, add


def _keep_first(keep, add, reach):
    longer, _ = _right(keep, add, reach)
    return longer, _right(longer, add, reach)[1]


def _every_other(keep, add, reach):
    joined = np.arange(keep.shape[1])[:, None] // reach % 2 == 1
    pairs = zip(_right(keep, add, reach), (keep, add), strict=True)
    return tuple(np.where(joined, new, old) for new, old in pairs)


def _every_reach(keep, add, reach):
    joined = np.arange(keep.shape[1])[:, None] % reach == 0
    pairs = zip(_right(keep, add, reach), (keep, add), strict=True)
    return tuple(np.where(joined, new, old) for new, old in pairs)


def _zeros_in_front(keep, add, reach):
    known = np.arange(keep.shape[1])[:, None] >= reach
    return tuple(np.where(known, new, 0) for new in _right(keep, add, reach))


WRONG = {
    "the earlier and the later stretch are exchanged: the one that ends at t - reach comes "
    "first.": _round(_exchanged),
    "each stretch is joined with the one of the step before it: reach does not enter.": _round(
        distance=lambda reach: 1
    ),
    "each stretch is joined with the one that ends reach + 1 steps before; one step is left out "
    "between them.": _round(distance=lambda reach: reach + 1),
    "each stretch is joined with the one that ends reach - 1 steps before; they share a "
    "step.": _round(distance=lambda reach: reach - 1),
    "each stretch is joined with the one that ends 2 reach steps before; the reach doubles after "
    "the round.": _round(distance=lambda reach: 2 * reach),
    "each stretch is joined with the one that ends 2**reach steps before; reach is the distance "
    "itself.": _round(distance=lambda reach: 2**reach),
    "the first steps, which nothing comes before, were joined with the last ones: np.roll and "
    "negative indices go round in a circle.": _first_steps(
        lambda k, reach: k[:, -reach:], lambda a, reach: a[:, -reach:]
    ),
    "the first steps were joined with ones. A stretch that changes nothing has keep = 1 and "
    "add = 0.": _first_steps(lambda k, reach: 1, lambda a, reach: 1),
    "the first steps were joined with themselves.": _first_steps(
        lambda k, reach: k[:, :reach], lambda a, reach: a[:, :reach]
    ),
    "the first `reach` steps are left out: they stay as they are, and T steps come "
    "back.": lambda *given: tuple(new[:, given[2] :] for new in _right(*given)),
    "the first `reach` steps became zero: were they joined with zeros, or never filled in? They "
    "stay as they are, as if joined with keep = 1 and add = 0.": _zeros_in_front,
    "stretches were joined with more than the one before them. Either this is more than one round, "
    "or some were joined with one that this round had already made longer: all joints start from "
    "the arrays as they came.": _in_place,
    "add was joined with a keep that this round had already made longer: it takes the keep as it "
    "came.": _keep_first,
    "each stretch was joined with the one after it; the one before it is asked for.": _reversed(
        _round(_exchanged)
    ),
    "each stretch was joined with the one after it, as if that came before it in time.": _reversed(
        _right
    ),
    "the cut goes along the batch, axis 0; time is axis 1.": _round(axis=0),
    "the cut goes along the units, axis 2; time is axis 1.": _round(axis=2),
    "only every other block of `reach` steps was joined; every step from `reach` on "
    "is.": _every_other,
    "only every step whose number is a multiple of reach was joined; every step from `reach` on "
    "is.": _every_reach,
    "half as many came back: neighbours were joined in pairs. Every step keeps a stretch of its "
    "own.": lambda keep, add, reach: combine(
        *(a[:, : a.shape[1] // 2 * 2 : 2] for a in (keep, add)), *(a[:, 1::2] for a in (keep, add))
    ),
    "what was joined stands `reach` steps too early, and the first steps behind it. A longer "
    "stretch ends where its later part does.": lambda keep, add, reach: tuple(
        np.roll(new, -reach, axis=1) for new in _right(keep, add, reach)
    ),
    "it came back as it was: nothing was joined.": lambda keep, add, reach: (keep, add),
    "all steps so far were joined, one after the other; one round joins two stretches and no "
    "more.": lambda keep, add, reach: (np.cumprod(keep, axis=1), scan_steps(keep, add)),
}


def _operation(output, wrong):
    """A round by the operation one of whose results is wrong."""

    def join(*stretches):
        right = dict(zip(("keep", "add"), combine(*stretches), strict=True))
        return tuple((right | {output: wrong(*stretches)}).values())

    return _round(join)


def _suspects(k, name, wrong_results):
    operations = {cause: _operation(name, wrong) for cause, wrong in wrong_results.items()}
    return {cause: picked(run, k) for cause, run in (WRONG | operations).items()}


SUSPECTS = {
    "keep": _suspects(0, "keep", WRONG_KEEPS),
    "add": _suspects(1, "add", WRONG_ADDS),
}


def _draw(rng, reach=REACH, B=B, T=T):
    given = draw_recurrence(rng, B, T, H)
    return {"keep": given["keep"], "add": given["add"], "reach": reach}


def _joined(given):
    return (np.arange(given["keep"].shape[1]) >= given["reach"])[:, None]


def _task(seed, run=_right):
    rng = np.random.default_rng(seed)
    main = _draw(rng)
    short = _draw(rng, T, B=2), _draw(rng, T + 3, B=1), _draw(rng, 1, T=1)
    return Task(
        name="doubling_round",
        outputs=("keep", "add"),
        reference=lambda *inputs: run(*inputs),
        aspects=(
            Aspect("keep of the stretches that are joined", 2, (main,), ("keep",), _joined),
            Aspect("add of the stretches that are joined", 3, (main,), ("add",), _joined),
            Aspect("the first `reach` steps as they are", 1, (main,),
                   where=lambda given: ~_joined(given)),
            Aspect("reach 1 and reach 4", 1, (_draw(rng, 1), _draw(rng, 4))),
            Aspect("reach T or more: nothing to join", 1, short),
        ),
        suspects=SUSPECTS,
        fallbacks=(_draw(rng, 4, T=8), _draw(rng, 1), _draw(rng, B=9)),
        rounding=measured_rounding(lambda *inputs: run(*inputs), 4),
        shapes={"keep": "(B, T, H)", "add": "(B, T, H)"},
    )  # fmt: skip


def check_doubling_round(answer, combine_segments=None, seed=8007):
    """Check answer(keep, add, reach) -> keep, add; returns a Verdict.

    ``combine_segments`` is the learner's. Where it is wrong, a right round over it gets all
    points: no mistake costs twice.
    """

    def join(earlier, later):
        return tuple(combine_segments(*earlier, *later))

    rng = np.random.default_rng(seed)
    stretches = {name: np.stack(list(_draw(rng).values())[:2]) for name in ("earlier", "later")}
    own = Earlier(
        combine_segments and join,
        lambda earlier, later: combine(*earlier, *later),
        stretches,
        ("earlier", "later"),
    )
    make_task = functools.partial(_task, seed)
    return examine_following(make_task, answer, _over, combine_segments=own)
