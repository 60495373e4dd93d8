"""Judge what calls the learner's reverse_padded by what it makes of it, right or wrong."""

from dataclasses import replace

import numpy as np

from rnn_course import layers, text
from rnn_course.checks.reversal import LENGTHS, D, T
from rnn_course.examination.compare import matches
from rnn_course.examination.following import Earlier, examine_following


def examine_over_reversal(make_task, answer, overs, reverse_padded, seed):
    """Verdict on a function that calls the learner's reverse_padded; see examine_following."""
    own = _own_reversal(reverse_padded, np.random.default_rng(seed))
    return examine_following(make_task, answer, *overs, reverse_padded=own)


def _own_reversal(reverse_padded, rng):
    """The learner's reversal, followed only if it moves real steps: else nothing is turned."""
    x, lengths = rng.uniform(-1, 1, (len(LENGTHS), T, D)), np.array(LENGTHS)
    own = Earlier(reverse_padded, layers.reverse_padded, {"x": x, "lengths": lengths}, ("x",))
    real = text.mask_from_lengths(lengths, T)  # (B, T)
    moves = own.can_be_followed and not matches(own.run(x, lengths)[real], x[real])
    return own if moves else replace(own, answer=None)
