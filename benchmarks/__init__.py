"""How fast the NumPy layers are beside torch.nn: `make bench`, or `python -m benchmarks --help`.

plan.py      the layers, the sizes, and the jobs made of them
inputs.py    the arrays of a job, the same for both sides
ours.py      our side of a job
theirs.py    torch's side of a job
worker.py    the process of one side: times and weighs it there
compare.py   starts both processes and has them take turns
others.py    what other programs do meanwhile
report.py    the tables
aims.py      what we want to reach, met or not
"""
