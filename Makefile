# `make help` lists the targets; each prepares .venv first, which takes no time once it is there.
.PHONY: help env book serve test exercises mistakes experiment bench lint pins clean

# The first Python on PATH that the course runs on; else whichever there is, to be told what is wrong.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3 python; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $$python && exit; done; command -v python3 || command -v python || echo python3)
RUN = .venv/bin/python
PORT ?= 8000

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

env:  ## prepare .venv (the other targets do it themselves)
	@"$(PYTHON)" tools/environment.py

book: env  ## build the book and say where to open it
	@$(RUN) tools/book.py

serve: env  ## serve the built book on http://localhost:8000 (another port: PORT=8001)
	@$(RUN) tools/book.py --serve --port $(PORT)

test: env  ## run the tests
	@$(RUN) -m pytest --dist loadfile -n auto --maxprocesses 4

exercises: env  ## generate the notebooks of exercises/ and solutions/ from solutions/*.py
	@$(RUN) tools/exercises.py

mistakes: env  ## print which wrong answers the checks reject, and with which hint (OPTIONS="--seeds 1000 --store")
	@cd tests && ../$(RUN) -m mistakes $(OPTIONS)

bench: env  ## measure the layers beside torch.nn (in short: OPTIONS=--quick; OPTIONS=--help)
	@$(RUN) -m benchmarks $(OPTIONS)

experiment: env  ## run a long experiment of the book and store it: NAME=...; without NAME list them
	@$(RUN) book/experiments $(NAME)

lint: env  ## check style and format
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .

pins: env  ## refresh constraints.txt from requirements.txt
	@grep -v '^-' requirements.txt | .venv/bin/uv pip compile --quiet --universal --upgrade \
		--python-version 3.11 --no-annotate --custom-compile-command 'make pins' - \
		| grep -vE '^(cuda|nvidia|triton)' > constraints.new && mv constraints.new constraints.txt

clean:  ## remove what was built; .venv stays
	@rm -rf _build .jupyter_cache .pytest_cache .hypothesis .ruff_cache
