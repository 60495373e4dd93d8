"""Run experiments by name and store their results: python book/experiments NAME ..."""

import argparse
import os
import sys
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # read once, when NumPy is first imported
sys.path[0] = str(Path(__file__).resolve().parents[1])

from tqdm import tqdm  # noqa: E402

import experiments  # noqa: E402


def main():
    """Run the experiments named on the command line, or list them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="none: list what there is")
    chosen = parser.parse_args().names
    for name in experiments.names() if not chosen else ():
        print(f"{name:24} {experiments.load(name).__doc__.splitlines()[0]}")
    for name in chosen:
        try:
            print(f"Stored {experiments.run_and_store(name, tqdm)}")
        except ValueError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
