"""How good the checks are: every task by mistake, right answer, seed and mutant.

python -m mistakes [--seeds N] [--store] [TASK ...]
"""

import argparse
import json
import os
import re
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path

from tqdm import tqdm

from . import NAMES, answers_to
from .mutants import EQUIVALENT, examined, functions

STORED = Path(__file__).resolve().parents[2] / "book" / "check_evidence.json"
CAUSE, ERROR, NUMBERS = "a cause", "an error and its line", "where the numbers differ"
SEEDS_OF_MISTAKES = 20  # a wrong answer is examined on as many seeds at most


def evidence(task, seeds):
    """What the check says of every answer to one task, and every hole in it.

    Returns:
        counts: what goes into the book. lines: the task's part of the matrix. holes: lines.
    """
    answers = answers_to(task, fresh=True)
    rights, lines, holes = _rights(answers, seeds)
    mistakes, more, wrong = _mistakes(answers, min(seeds, SEEDS_OF_MISTAKES))
    mutants, last, alive = _mutants(answers)
    problems = mistakes.pop("problems")
    explained = sum(kind == CAUSE for kind, _ in problems)  # of the named mistakes alone
    problems += mutants.pop("problems")
    kinds = Counter(kind for kind, _ in problems)
    causes = Counter(cause for kind, cause in problems if kind == CAUSE)
    counts = rights | mistakes | {"explained": explained} | mutants
    counts |= {"errors": kinds[ERROR], "numbers": kinds[NUMBERS]}
    counts["causes"] = dict(causes.most_common())
    return counts, [*lines, *more, *last], [*holes, *wrong, *alive]


def _kind(verdict):
    """What the report gives the learner to go on, and the cause in its words."""
    if verdict.cause:
        return CAUSE, verdict.cause
    if verdict.problem.startswith("It stops with"):
        return ERROR, ""
    where = re.search(r"should be .* and is |has the shape ", verdict.problem)
    return (NUMBERS, "") if where else (CAUSE, verdict.problem)


def _rights(answers, seeds):
    holes = []
    for name, right in answers.rights.items():
        lost = [seed for seed in range(seeds) if answers.check(right, seed=seed).share < 1]
        if lost:
            holes.append(f"{name} loses points with {len(lost)} seeds, the first {lost[0]}")
    total = len(answers.rights)
    accepted = total - len(holes)
    line = f"{answers.task}: {accepted} of {total} right answers accepted, {seeds} seeds"
    return {"right_answers": total, "accepted": accepted}, [line], holes


def _mistakes(answers, seeds):
    lines, holes, problems, rejected, hinted = [], [], [], 0, 0
    for mistake in answers.mistakes:
        verdict = answers.check(mistake.answer)
        hint, lost = mistake.says in verdict.problem, verdict.share < 1
        passed = [s for s in range(seeds) if answers.check(mistake.answer, seed=s).share == 1]
        rejected, hinted = rejected + lost, hinted + hint
        problems.append(_kind(verdict))
        lines.append(f"  {verdict.share:5.0%}  {'hint' if hint else 'NO HINT':8} {mistake.name}")
        if passed or not (hint and lost):
            seen = f", all points with seed {passed[0]}" if passed else ""
            holes.append(f"{mistake.name}: {verdict.share:.0%}, hint {hint}{seen}")
    counts = {"mistakes": len(lines), "rejected": rejected, "hinted": hinted}
    return counts | {"problems": problems}, lines, holes


def _mutants(answers):
    found = functions().get(answers.task)
    pairs = list(examined(answers.task, answers.check, *found)) if found else []
    alive = [mutant.change for mutant, verdict in pairs if verdict.share == 1]
    problems = [_kind(verdict) for _, verdict in pairs if verdict.share < 1]
    dead = len(pairs) - len(alive)
    line = f"  {len(pairs)} mutants: {dead} rejected, {len(alive)} equivalent"
    known = EQUIVALENT.get(answers.task, {})
    counts = {"mutants": len(pairs), "equivalent": len(alive), "problems": problems}
    return counts, [line], [change for change in alive if change not in known]


def matrix(tasks, seeds, jobs):
    """Print the matrix; return the counts of every task and the number of holes."""
    counts, holes = {}, 0
    with ProcessPoolExecutor(jobs) as pool:
        results = pool.map(evidence, tasks, [seeds] * len(tasks))
        for task, result in zip(tasks, tqdm(results, total=len(tasks), disable=None), strict=True):
            counts[task], lines, found = result
            holes += len(found)
            tqdm.write("\n".join(["", *lines, *(f"  HOLE  {hole}" for hole in found)]))
    return counts, holes


def total(counts, name):
    """Sum over tasks."""
    return sum(task[name] for task in counts.values())


def store(counts, seeds):
    """Write what the book shows; of tasks that were left out now, keep what is there."""
    before = json.loads(STORED.read_text(encoding="utf8")) if STORED.exists() else {}
    kept = before.get("tasks", {}) if before.get("seeds") == seeds else {}
    tasks = kept | counts
    made = {
        "command": f"make mistakes OPTIONS='--seeds {seeds} --store'",
        "date": date.today().isoformat(),
        "seeds": seeds,
        "seeds_of_mistakes": min(seeds, SEEDS_OF_MISTAKES),
        "tasks": {name: tasks[name] for name in NAMES if name in tasks},
    }
    text = json.dumps(made, indent=1, ensure_ascii=False)
    STORED.write_text(text + "\n", encoding="utf8")


def main():
    """Print the matrix; the exit status is 1 if there is a hole."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="default: every task")
    parser.add_argument("--seeds", type=int, default=20, help="of each right answer (default 20)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes side by side")
    parser.add_argument("--store", action="store_true", help=f"write book/{STORED.name}")
    options = parser.parse_args()
    if unknown := set(options.tasks) - set(NAMES):
        parser.error(f"no task is called {min(unknown)}")
    counts, holes = matrix(options.tasks or NAMES, options.seeds, options.jobs)
    sums = {name: total(counts, name) for name in ("mistakes", "right_answers", "mutants")}
    said = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in sums.items())
    print(f"\n{len(counts)} tasks, {said}: {holes or 'no'} holes")
    if options.store and not holes:
        store(counts, options.seeds)
    return 1 if holes else 0


if __name__ == "__main__":
    raise SystemExit(main())
