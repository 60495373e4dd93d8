"""Make .venv ready: check the machine, install what requirements.txt pins, remember it is done.

Run with `python tools/environment.py`; the Makefile does so before every target. It needs the
standard library only, and its syntax stays readable for old Pythons (3.6 on), so that they can be
told they are too old.
"""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "setup.stamp"

OLDEST, NEWEST = (3, 11), (3, 13)
GIGABYTES = 2.5  # 1.6 once installed, the rest for downloads under way
NETWORK_SIGNS = (
    "connection broken",
    "max retries exceeded",
    "timed out",
    "error sending request",
)


class Problem(Exception):
    """Something the user has to put right; the message says what, where and how."""


def say(text):
    print(text, flush=True)


def check_python():
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        raise Problem(
            "Python {}.{} is needed (up to {}.{} is known to work), but {} is Python {}.{}.\n"
            "Install one of these versions, or name it: make PYTHON=/path/to/python3.11".format(
                *OLDEST, *NEWEST, sys.executable, *sys.version_info[:2]
            )
        )


def check_venv_module():
    if not all(map(importlib.util.find_spec, ("venv", "ensurepip"))):
        version = "{}.{}".format(*sys.version_info[:2])
        raise Problem(
            f"This Python ({sys.executable}) comes without its venv and ensurepip modules.\n"
            f"On Debian and Ubuntu install them with: sudo apt install python{version}-venv"
        )


def check_disk():
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < GIGABYTES:
        raise Problem(
            f"Not enough disk: the environment needs {GIGABYTES} GB; {free:.1f} GB are free in\n"
            f"{ROOT}. Free some space there, or move this folder to a larger disk."
        )


def read_requirements():
    return (ROOT / "requirements.txt").read_text(encoding="utf-8")


def stamps():
    """The two lines of the stamp: what .venv is bound to, and a hash of what is installed in it."""
    files = ("requirements.txt", "constraints.txt", "pyproject.toml")
    contents = b"\0".join((ROOT / name).read_bytes() for name in files)
    return "{}.{} {}".format(*sys.version_info[:2], ROOT), hashlib.sha256(contents).hexdigest()


def read_stamp():
    return STAMP.read_text(encoding="utf-8").splitlines() if STAMP.exists() else None


def write_stamp(*lines):
    draft = STAMP.with_suffix(".new")
    draft.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.replace(draft, STAMP)


def run(doing, *command, **options):
    """Run a command with its progress visible and return what it printed where that is captured."""
    process = subprocess.Popen(
        [str(part) for part in command],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        **options,
    )
    output, errors = process.communicate()
    if process.returncode:
        raise Problem(explain(doing, errors))
    return output


def explain(doing, errors):
    report = "\n".join("  " + line for line in errors.strip().splitlines()[-6:])
    if "no space left" in errors.lower():
        hint = (
            f"A disk is full: that of {ROOT}, or that for temporary files (set TMPDIR to move it)."
        )
    elif any(sign in errors.lower() for sign in NETWORK_SIGNS):
        hint = (
            "No network: the package index cannot be reached. Check the connection, or the proxy\n"
            "(HTTPS_PROXY) and the mirror (pip config list), and run the same command again."
        )
    else:
        hint = "Put right what the report names and run the same command again."
    return f"{doing} did not work.\n{hint}\nThe end of the report:\n{report}"


def pip(doing, *arguments, **options):
    quiet = () if sys.stdout.isatty() and not options else ("--quiet",)
    command = (PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", *quiet)
    return run(doing, *command, *arguments, **options)


def make_venv(bound_to):
    """Keep a .venv that fits; make it anew where it is missing, half made, moved or misfit."""
    stamp = read_stamp()
    fits = stamp[0] == bound_to and PYTHON.exists() if stamp else made_by_hand()
    if fits:
        write_stamp(bound_to, "update unfinished")
        return
    if VENV.exists():
        say("The .venv found here is unfinished, moved or made by another Python: starting afresh.")
        shutil.rmtree(VENV)
    check_disk()
    say(f"Making {VENV} with Python {sys.version.split()[0]} ...")
    VENV.mkdir()
    write_stamp("unfinished")
    # A venv's own interpreter disappears with the venv: build on the one below it.
    base = getattr(sys, "_base_executable", None) or sys.executable
    run("Making the virtual environment", base, "-m", "venv", VENV)


def made_by_hand():
    """Whether .venv is a working environment of this Python that some other tool has made."""
    if not PYTHON.exists():
        return False
    question = "import pip, sys; print(*sys.version_info[:2])"
    answer = subprocess.run([str(PYTHON), "-c", question], capture_output=True, text=True)
    return answer.stdout.split() == [str(part) for part in sys.version_info[:2]]


def brings_cuda(torch):
    """Whether pip would install a build of torch that requires gigabytes of CUDA packages.

    Reads the metadata of torch alone; nothing is installed. macOS and Windows have no such build on
    the default index.
    """
    if sys.platform != "linux" or os.environ.get("RNN_COURSE_TORCH") == "default":
        return False
    arguments = ("install", "--dry-run", "--no-deps", "--report", "-", torch)
    try:
        report = pip("Asking which torch there is", *arguments, stdout=subprocess.PIPE)
    except Problem as problem:
        if "No network" in str(problem):
            raise
        say("pip cannot tell which build of torch it would take: asking for the one without CUDA.")
        return True
    chosen = json.loads(report)["install"]
    needs = [need for item in chosen for need in item["metadata"].get("requires_dist", ())]
    return any(re.match("nvidia|cuda|triton", need) for need in needs)


def install_torch():
    """Install the CPU build of torch where pip's own choice would be the CUDA build."""
    torch = re.search(r"^torch==\S+", read_requirements(), re.MULTILINE)
    if torch is None or not brings_cuda(torch.group()):
        return
    say("Installing torch without CUDA ...")
    # uv knows where the CPU builds are; pip would have to be told an address.
    command = (PYTHON, "-m", "uv", "pip", "install", "--python", PYTHON, "--no-deps", torch.group())
    try:
        run(
            "Installing the CPU build of torch",
            *command,
            env={"UV_TORCH_BACKEND": "cpu", **os.environ},
        )
    except Problem as problem:
        raise Problem(
            f"{problem}\n"
            "To take pip's own build instead, CUDA packages and all, set RNN_COURSE_TORCH=default."
        ) from None


def set_up():
    check_python()
    bound_to, installed = stamps()
    if read_stamp() == [bound_to, installed] and PYTHON.exists():
        return
    check_venv_module()
    make_venv(bound_to)
    say("Updating the installers ...")
    quick = ("--retries", "1", "--timeout", "20")
    pip("Updating the installers", "install", *quick, "-c", "constraints.txt", "pip", "uv")
    install_torch()
    count = len(
        re.findall(r"^\w", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    )
    say(f"Installing about {count} packages (the first time takes some minutes) ...")
    arguments = ("--build-constraint", "constraints.txt", "-r", "requirements.txt")
    pip("Installing the requirements", "install", *arguments)
    write_stamp(bound_to, installed)
    say(f"The environment is ready in {VENV}")


def main():
    try:
        set_up()
    except Problem as problem:
        sys.exit(f"\n{problem}")
    except KeyboardInterrupt:
        sys.exit("\nInterrupted: the next run starts the set-up again.")


if __name__ == "__main__":
    main()
