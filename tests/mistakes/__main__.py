"""How good the checks are: every task by mistake, right answer, seed and mutant.

python -m tests.mistakes [--seeds N]
"""

import argparse

from tqdm import tqdm

from . import all_answers
from .mutants import EQUIVALENT, functions, survivors


def holes(answers, seeds):
    """Print what the checks say of one task's answers; return how often they are wrong."""
    wrong = 0
    seen = range(seeds)
    rights = answers.rights.values()
    bars = ((right, tqdm(seen, desc=answers.task, leave=False, disable=None)) for right in rights)
    luck = [min(answers.check(right, seed=seed).share for seed in bar) for right, bar in bars]
    wrong += len(luck) - luck.count(1)
    print(f"\n{answers.task}: {luck.count(1)} of {len(luck)} right answers accepted, {seeds} seeds")
    for mistake in answers.mistakes:
        verdict = answers.check(mistake.answer)
        hint = mistake.says in verdict.problem
        wrong += verdict.share == 1 or not hint
        print(f"  {verdict.share:5.0%}  {'hint' if hint else 'NO HINT':8} {mistake.name}")
    found = functions().get(answers.task)
    alive, total = survivors(answers.task, answers.check, *found) if found else ([], 0)
    known = EQUIVALENT.get(answers.task, {})
    print(f"  {total} mutants: {total - len(alive)} rejected, {len(alive)} equivalent")
    for change in set(alive) - set(known):
        wrong += 1
        print(f"  HOLE  {change}")
    return wrong


def main():
    """Print the matrix; the exit status is 1 if there is a hole."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="of each right answer (default 20)")
    arguments = parser.parse_args()
    every = all_answers()
    wrong = sum(holes(answers, arguments.seeds) for answers in every)
    mistakes = sum(len(answers.mistakes) for answers in every)
    print(f"\n{len(every)} tasks, {mistakes} mistakes: {wrong or 'no'} holes")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
