"""tools/environment.py, run as a newcomer runs it, against a small package index of our own."""

import ast
import functools
import hashlib
import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PIP = importlib.metadata.version("pip")
NVIDIA = 'nvidia-cublas==1.0; platform_system == "Linux"'
SCRIPTS = "Scripts" if os.name == "nt" else "bin"

# Stands in for uv: notes how it was called and leaves a CPU build of torch in the environment.
UV = """
import json, os, pathlib, site, sys
pathlib.Path("uv.json").write_text(json.dumps([sys.argv[1:], os.environ["UV_TORCH_BACKEND"]]))
info = pathlib.Path(site.getsitepackages()[-1]) / "torch-2.13.0+cpu.dist-info"
info.mkdir()
(info / "METADATA").write_text("Metadata-Version: 2.1\\nName: torch\\nVersion: 2.13.0+cpu\\n")
(info / "RECORD").write_text("torch-2.13.0+cpu.dist-info/METADATA,,\\n")
"""

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has CUDA by default")
needs_posix = pytest.mark.skipif(os.name == "nt", reason="process groups and make")


def write_wheel(folder, name, version, requires=(), files=None):
    """Write a wheel and, beside it, the metadata that an index offers on its own."""
    module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {need}\n" for need in requires)
    contents = files or {f"{module}/__init__.py": f"__version__ = {version!r}\n"}
    contents |= {
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*contents, f"{info}/RECORD"])
    wheel = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**contents, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)
    wheel.with_name(wheel.name + ".metadata").write_text(metadata)


@functools.cache
def pip_files():
    """The running pip, to be offered by the index: the set-up installs its own pinned pip."""
    files = [path for path in importlib.metadata.files("pip") if path.parts[0] == "pip"]
    return {str(path): path.read_binary() for path in files if path.suffix != ".pyc"}


class Index:
    """A package index on the loopback interface that notes what is fetched."""

    def __init__(self, folder):
        self.folder, self.fetched = folder, []
        self.held, self.release = threading.Event(), threading.Event()
        self.hold = None
        write_wheel(folder, "pip", PIP, files=dict(pip_files()))
        write_wheel(folder, "uv", "1.0", files={"uv/__init__.py": "", "uv/__main__.py": UV})
        write_wheel(folder, "nvidia-cublas", "1.0")
        write_wheel(folder, "tiny", "1.0")
        write_wheel(folder, "tiny", "2.0")
        handler = type("Handler", (Handler,), {"index": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/simple/"

    def page(self, name):
        wheels = sorted(self.folder.glob(f"{name.replace('-', '_')}-*.whl"))
        links = [
            f'<a href="/files/{wheel.name}" data-core-metadata="sha256={digest}">{wheel.name}</a>'
            for wheel in wheels
            for digest in [hashlib.sha256(Path(f"{wheel}.metadata").read_bytes()).hexdigest()]
        ]
        return "\n".join(links).encode()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        _, kind, name, *_ = self.path.split("/")
        self.index.fetched.append(name)
        if self.index.hold and name.startswith(self.index.hold) and name.endswith(".whl"):
            self.index.held.set()
            self.index.release.wait(60)
        body = (
            self.index.page(name) if kind == "simple" else (self.index.folder / name).read_bytes()
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if kind == "simple" else "binary/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:  # the client was killed on purpose
            self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def index(tmp_path):
    folder = tmp_path / "wheels"
    folder.mkdir()
    served = Index(folder)
    with served.server as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield served
        served.release.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def project(tmp_path):
    """A small project with the real script, in a folder whose name has a space."""
    root = tmp_path / "a course"
    (root / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "tools/environment.py", root / "tools")
    shutil.copy(ROOT / "Makefile", root)
    (root / "pyproject.toml").write_text("")
    (root / "constraints.txt").write_text(f"pip=={PIP}\ntorch==2.13.0\nuv==1.0\n")
    (root / "requirements.txt").write_text("-c constraints.txt\ntorch==2.13.0\ntiny==1.0\n")
    return root


def environment(index=None, **extra):
    """The variables of a newcomer whose pip knows this index and nothing else."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_"))}
    kept.pop("RNN_COURSE_TORCH", None)
    url = index.url if index else "http://127.0.0.1:9/simple/"
    pip = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", "PIP_INDEX_URL": url}
    return {**kept, **pip, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", **extra}


def set_up(project, env, python=sys.executable):
    command = [str(python), str(project / "tools/environment.py")]
    result = subprocess.run(command, env=env, capture_output=True, text=True, cwd=project.parent)
    assert "Traceback" not in result.stderr
    return result


def installed(project, name):
    python = project / ".venv" / SCRIPTS / "python"
    code = f"import importlib.metadata as m; print(m.version({name!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()


def test_set_up_installs_once_and_follows_changed_pins(project, index):
    """Does it install what is pinned, do nothing the second time, and follow changed pins?"""
    write_wheel(index.folder, "torch", "2.13.0")
    first = set_up(project, environment(index))
    assert first.returncode == 0, first.stderr
    assert "ready in" in first.stdout
    assert (installed(project, "tiny"), installed(project, "torch")) == ("1.0", "2.13.0")
    assert not (project / "uv.json").exists()  # this torch needs no CUDA, so pip installs it

    index.fetched.clear()
    second = set_up(project, environment(index))
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert index.fetched == []

    kept = project / ".venv" / "kept"
    kept.touch()
    requirements = project / "requirements.txt"
    requirements.write_text(requirements.read_text().replace("tiny==1.0", "tiny==2.0"))
    assert set_up(project, environment(index)).returncode == 0
    assert installed(project, "tiny") == "2.0"

    # a failed update costs neither the environment nor the knowledge that it failed
    requirements.write_text(requirements.read_text().replace("tiny==2.0", "tiny==3.0"))
    failed = set_up(project, environment(index))
    assert failed.returncode == 1
    assert "Installing the requirements did not work" in failed.stderr
    assert "tiny==3.0" in failed.stderr  # in pip's words, and not called a network fault
    assert "No network" not in failed.stderr
    requirements.write_text(requirements.read_text().replace("tiny==3.0", "tiny==2.0"))
    assert "ready in" in set_up(project, environment(index)).stdout
    assert kept.exists()


@needs_posix
def test_set_up_repairs_a_killed_run_and_a_moved_folder(project, index):
    """Is an environment whose making was killed, or whose folder has moved, made anew?"""
    write_wheel(index.folder, "torch", "2.13.0")
    index.hold = "tiny"
    command = [sys.executable, str(project / "tools/environment.py")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(
        command, env=environment(index), start_new_session=True, **quiet
    ) as process:
        while not index.held.wait(0.1):
            assert process.poll() is None, "the set-up ended before it asked for the package"
        os.killpg(process.pid, signal.SIGKILL)
    index.hold = None
    index.release.set()
    repaired = set_up(project, environment(index))
    assert repaired.returncode == 0, repaired.stderr
    assert "starting afresh" in repaired.stdout
    assert installed(project, "tiny") == "1.0"

    moved = project.rename(project.with_name("moved course"))
    # as with an activated environment: the interpreter is the one that has to be replaced
    again = set_up(moved, environment(index), python=moved / ".venv/bin/python")
    assert again.returncode == 0, again.stderr
    assert "starting afresh" in again.stdout
    assert installed(moved, "tiny") == "1.0"


@needs_linux
@pytest.mark.skipif(tuple(map(int, PIP.split(".")[:2])) < (25, 3), reason="pip older than pinned")
def test_set_up_takes_torch_without_cuda_and_never_downloads_cuda(project, index):
    """Is the CPU build asked of uv when pip's own choice would bring CUDA packages?"""
    write_wheel(index.folder, "torch", "2.13.0", requires=[NVIDIA])
    result = set_up(project, environment(index))
    assert result.returncode == 0, result.stderr
    assert "without CUDA" in result.stdout
    python = str(project / ".venv/bin/python")
    arguments = ["pip", "install", "--python", python, "--no-deps", "torch==2.13.0"]
    called = ast.literal_eval((project / "uv.json").read_text())
    assert called == [arguments, "cpu"]
    assert installed(project, "torch") == "2.13.0+cpu"
    assert not [name for name in index.fetched if re.match(r"nvidia|torch.*\.whl$", name)]


@needs_linux
def test_set_up_keeps_a_venv_made_by_hand_and_the_default_torch_on_request(project, index):
    """Is a working .venv filled and not replaced, and can the CUDA build be chosen deliberately?"""
    kept = project / ".venv" / "kept"
    subprocess.run([sys.executable, "-m", "venv", str(kept.parent)], check=True)
    kept.touch()
    write_wheel(index.folder, "torch", "2.13.0", requires=[NVIDIA])
    result = set_up(project, environment(index, RNN_COURSE_TORCH="default"))
    assert result.returncode == 0, result.stderr
    assert not (project / "uv.json").exists()
    assert installed(project, "nvidia-cublas") == "1.0"
    assert kept.exists()


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        (
            "import sys; sys.version_info = (3, 10, 4, 'final', 0)",
            ["Python 3.11 is needed", "is Python 3.10", sys.executable],
        ),
        (
            "import sys; sys.version_info = (3, 14, 0, 'final', 0)",
            ["up to 3.13", "is Python 3.14"],
        ),
        (
            "import importlib.util as u; find = u.find_spec; "
            "u.find_spec = lambda name, *rest: None if name == 'ensurepip' else find(name, *rest)",
            ["venv and ensurepip", f"sudo apt install python3.{sys.version_info[1]}-venv"],
        ),
        (
            "import shutil; shutil.disk_usage = lambda path: shutil._ntuple_diskusage(0, 0, 10**9)",
            ["Not enough disk", "2.5 GB", "1.0 GB are free", "a course"],
        ),
    ],
    ids=["old-python", "new-python", "no-ensurepip", "full-disk"],
)
def test_set_up_says_what_is_missing_before_it_starts(project, tmp_path, patch, words):
    """Does each missing thing get a message that names it, and is nothing left behind?"""
    (tmp_path / "sitecustomize.py").write_text(patch + "\n")
    result = set_up(project, environment(PYTHONPATH=str(tmp_path)))
    assert result.returncode == 1
    assert [word for word in words if word not in result.stderr] == []
    assert not (project / ".venv").exists()


def test_set_up_names_the_network_when_the_index_is_out_of_reach(project):
    """Is a missing network called so, instead of pip's report of a missing version?"""
    result = set_up(project, environment())
    assert result.returncode == 1
    assert "No network: the package index cannot be reached" in result.stderr
    assert not (project / ".venv/setup.stamp").read_text().startswith("3.")


def test_script_parses_on_pythons_that_are_too_old():
    """Can an old Python read the script far enough to be told that it is too old?"""
    source = (ROOT / "tools/environment.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))


@needs_posix
@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_makefile_takes_the_first_python_that_fits(project, tmp_path):
    """Is a broken or too old Python passed over in favour of one that the course runs on?"""
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    for name in ("python3.11", "python3.12"):
        (stubs / name).write_text("#!/bin/sh\nexit 1\n")
        (stubs / name).chmod(0o755)
    (stubs / "python3.13").symlink_to(sys.executable)
    env = {**os.environ, "PATH": f"{stubs}{os.pathsep}{os.environ['PATH']}"}
    command = ["make", "--dry-run", "-C", str(project), "env"]
    result = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert '"python3.13" tools/environment.py' in result.stdout


def pins(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def test_pins_are_exact_and_agree():
    """Is every tool pinned exactly, alike in both files, for the CPU, without a local version?"""
    exact = re.compile(r"[\w.-]+==[\w.]+( ; .+)?")
    constraints = pins("constraints.txt")
    assert [
        line for line in pins("requirements.txt") + constraints if not exact.fullmatch(line)
    ] == []
    assert set(pins("requirements.txt")) <= set(constraints)
    assert [line for line in constraints if re.match("nvidia|cuda|triton", line)] == []
