"""What a check found, how it reads, and how many points it earns."""

import hashlib
import textwrap
from dataclasses import dataclass

WIDTH = 88
NAME_WIDTH = 64
CAUSE = "\nLikely cause: "  # between what is wrong and why, in the text of a problem


@dataclass(frozen=True)
class Part:
    """One thing that a right answer does.

    Attributes:
        problem: why this answer does not do it; empty if it does.
        later: looked at only once the values are right; earns nothing before.
    """

    name: str
    weight: int
    problem: str = ""
    later: bool = False

    @property
    def held(self):
        return not self.problem and not self.later


@dataclass(frozen=True)
class Verdict:
    """What is right and wrong in one function.

    Attributes:
        function: its name. parts: tuple of Part. notes: remarks that cost nothing.
        written: False while the function still raises NotImplementedError.
    """

    function: str
    parts: tuple
    notes: tuple = ()
    written: bool = True

    @property
    def share(self):
        """Earned share of the points, 0 to 1: the weights of the parts that hold."""
        return sum(p.weight for p in self.parts if p.held) / sum(p.weight for p in self.parts)

    @property
    def problem(self):
        """The first problem, empty if there is none."""
        return next((part.problem for part in self.parts if part.problem), "")

    @property
    def cause(self):
        """The likely cause of the first problem, empty if none is known."""
        return self.problem.partition(CAUSE)[2]


def _number(value):
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _paragraph(text, indent=""):
    return "\n".join(
        textwrap.fill(line, WIDTH, initial_indent=indent, subsequent_indent=indent)
        for line in text.splitlines()
    )


def report(verdict, points):
    """The text a learner reads: points, each part, the first problem, remarks."""
    name, earned = verdict.function, _number(points * verdict.share)
    if not verdict.written:
        text = (
            f"{name} is not written yet: 0 of {_number(points)} points so far.\n"
            "Write your code in place of `raise NotImplementedError()`, run that cell, then this "
            "one again."
        )
        return "\n".join([text, *_remarks(verdict)])
    lines = [f"{name}: {earned} of {_number(points)} points", ""]
    total = sum(part.weight for part in verdict.parts)
    for part in verdict.parts:
        worth = points * part.weight / total
        mark = "✓" if part.held else "·" if part.later else "✗"
        got = worth if part.held else 0
        lines.append(f"  {mark} {part.name:<{NAME_WIDTH}} {_number(got):>5} of {_number(worth)}")
    if any(part.later for part in verdict.parts):
        lines.append("  (·: looked at once the values are right)")
    if verdict.problem:
        lines += ["", "What to look at first", _paragraph(verdict.problem, "  ")]
    return "\n".join([*lines, *_remarks(verdict)])


def _remarks(verdict):
    notes = [_paragraph(f"{note}.", "  ") for note in verdict.notes]
    return ["", "By the way", *notes] if notes else []


def variant_seed(variant, check):
    """The seed from which a check draws its inputs in a variant (any text) of the course."""
    text = f"{variant}/{check.__name__}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


def grade(check, *answers, points, variant=None):
    """Print a report on the learner's function to standard output and return the score.

    Args:
        check: one of this package's check functions.
        answers: what it examines, usually one function.
        points: the score of a right answer.
        variant: any text, of which the inputs then depend; None for those that everybody gets.

    Returns:
        float from 0 to ``points``, rounded to hundredths: nbgrader reads it as the cell's score.
    """
    seed = {} if variant is None else {"seed": variant_seed(variant, check)}
    verdict = check(*answers, **seed)
    print(report(verdict, points))
    return round(float(points * verdict.share), 2)
