"""Whether a function keeps float32, asked of what an earlier function of the learner makes."""

import numpy as np

from rnn_course.checks.calling import each


def kinds_of(run, right, arguments):
    """Task.kinds: float32 must stay float32, unless an earlier function has paid for that.

    Args:
        run: the reference, over an earlier function or not. right: the reference by itself.
        arguments: dict of arguments to try it on.
    """
    if run is right:
        return None
    dtypes = set()
    narrow = each(lambda a: a.astype(np.float32) if isinstance(a, np.ndarray) else a, arguments)
    each(lambda result: dtypes.add(np.asarray(result).dtype), run(*narrow.values()))
    return None if dtypes == {np.dtype(np.float32)} else {}
