"""Checks of a learner's functions, for the graded notebooks.

A check compares a function with the reference of this package on fresh inputs and returns a
Verdict: which parts hold, what is wrong first, and the likely cause. grade prints the verdict and
turns it into points.
"""

from rnn_course.checks.batches import check_last_hidden
from rnn_course.checks.rnn import check_rnn_forward, check_rnn_step_forward
from rnn_course.checks.verdict import Part, Verdict, grade, report

__all__ = [
    "Part",
    "Verdict",
    "check_last_hidden",
    "check_rnn_forward",
    "check_rnn_step_forward",
    "grade",
    "report",
]
