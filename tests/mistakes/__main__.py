"""Print, for every task and mistake, the share kept and whether the report has the hint."""

from . import all_answers


def main():
    """Print the matrix."""
    for answers in all_answers():
        rights = [answers.check(right).share for right in answers.rights.values()]
        print(f"{answers.task}: {rights.count(1.0)} of {len(rights)} right answers get all points")
        for mistake in answers.mistakes:
            verdict = answers.check(mistake.answer)
            hint = "hint" if mistake.says in verdict.problem else "NO HINT"
            print(f"  {verdict.share:5.0%}  {hint:8} {mistake.name}")


if __name__ == "__main__":
    main()
