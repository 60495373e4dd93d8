"""Build the book strictly, or serve the built one.

python tools/book.py          build into _build/html
python tools/book.py --serve  serve _build/html on this computer alone
"""

import argparse
import functools
import http.server
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
# Sphinx has said what is wrong when Jupyter Book raises; its own traceback would bury that.
PROGRAM = """
import sys
from jupyter_book.cli.main import main
try:
    main()
except RuntimeError:
    sys.exit(1)
"""
STRICT = ("-W", "-n", "--keep-going", "--all")


def build():
    """Run Jupyter Book with warnings as errors; return its exit status."""
    start = time.perf_counter()
    # Older pages must not pass for the result of a build that failed.
    shutil.rmtree(HTML, ignore_errors=True)
    command = [sys.executable, "-c", PROGRAM, "build", ".", *STRICT]
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    if status == 0 and not (HTML / "index.html").exists():
        status = 1
    if status:
        print("\nThe book was not built: see the messages above.", file=sys.stderr)
    else:
        print(f"\nBuilt in {time.perf_counter() - start:.0f} s. Open {HTML / 'index.html'}")
    return status


def serve(port):
    """Serve the built book on localhost until interrupted."""
    if not (HTML / "index.html").exists():
        print("There is no built book yet: run make book first.", file=sys.stderr)
        return 1
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=HTML)
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        print(f"The book is at http://localhost:{server.server_port}/ (stop with Ctrl+C)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


def main():
    parser = argparse.ArgumentParser(description="Build the book, or serve the built one.")
    parser.add_argument("--serve", action="store_true", help="serve the built book")
    parser.add_argument("--port", type=int, default=8000, help="port to serve on (default 8000)")
    arguments = parser.parse_args()
    return serve(arguments.port) if arguments.serve else build()


if __name__ == "__main__":
    sys.exit(main())
