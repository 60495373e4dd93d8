"""Mechanical mutants of the model answers: one operator, index, constant or line changed in each.

The named mistakes are those that learners write; these are those that nobody thought of. A mutant
that gets all points is either equivalent to the answer, and equivalent.yml says why, or it shows
that a check looks away.
"""

import ast
import contextlib
import copy
import functools
import signal
import warnings
from dataclasses import dataclass
from pathlib import Path

import yaml

SOLUTIONS = Path(__file__).resolve().parents[2] / "solutions"
EQUIVALENT = yaml.safe_load(Path(__file__).with_name("equivalent.yml").read_text("utf8"))
SECONDS = 60  # a mutant may loop for ever; none does at present, and the slowest takes three
OPERATORS = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div, ast.Add),
    ast.Div: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
}


@dataclass(frozen=True)
class Mutant:
    """One changed copy of a function: `change` says what became what, `source` is all of it."""

    task: str
    change: str
    source: str


@functools.cache
def functions():
    """{name: (source of the function, its path)} of every model answer in the solutions."""
    found = {}
    for path in sorted(SOLUTIONS.glob("ch*.py")):
        source = path.read_text(encoding="utf8")
        for node in ast.parse(source).body:
            segment = ast.get_source_segment(source, node)
            if isinstance(node, ast.FunctionDef) and "### BEGIN SOLUTION" in segment:
                found[node.name] = segment, path
    return found


def _others(node):
    """Nodes that may stand in the place of one node."""
    if isinstance(node, ast.BinOp):
        for operator in OPERATORS.get(type(node.op), ()):
            yield ast.BinOp(node.left, operator(), node.right)
        yield from (node.left, node.right)
        if isinstance(node.op, ast.MatMult):
            yield ast.BinOp(_transposed(node.left), node.op, node.right)
            yield ast.BinOp(node.left, node.op, _transposed(node.right))
            yield ast.BinOp(node.right, node.op, node.left)
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        for operator in OPERATORS.get(type(node.ops[0]), ()):
            yield ast.Compare(node.left, [operator()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(OPERATORS[type(node.op)][0](), node.values)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Constant):
        yield from map(ast.Constant, _other_constants(node.value))
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield node.value
    elif isinstance(node, ast.Call):
        yield from node.args[:1]
        if len(node.args) == 2:
            yield ast.Call(node.func, node.args[::-1], node.keywords)
        for keyword in node.keywords:
            yield ast.Call(node.func, node.args, [k for k in node.keywords if k is not keyword])
    elif isinstance(node, ast.Subscript):
        yield node.value
    elif isinstance(node, ast.Slice):
        for name in ("lower", "upper", "step"):
            if getattr(node, name):
                yield ast.Slice(**{k: v for k, v in vars(node).items() if k != name and v})
    elif isinstance(node, ast.Tuple | ast.List) and isinstance(node.ctx, ast.Load):
        for k in range(len(node.elts) - 1):
            swapped = [*node.elts[:k], node.elts[k + 1], node.elts[k], *node.elts[k + 2 :]]
            yield type(node)(swapped, node.ctx)
    elif isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    elif isinstance(node, ast.AugAssign):
        yield ast.Assign([node.target], node.value, lineno=0)
        yield ast.Pass()
    elif isinstance(node, ast.Assign | ast.Expr | ast.Return | ast.Break | ast.Continue):
        yield ast.Pass()


def _transposed(node):
    return node.value if getattr(node, "attr", "") == "T" else ast.Attribute(node, "T", ast.Load())


def _other_constants(value):
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return value + 1, value - 1
    if isinstance(value, float):
        return 2 * value + 1, 0.0
    return ()


class _Replace(ast.NodeTransformer):
    def __init__(self, number, other):
        self.number, self.other = number, other

    def visit(self, node):
        if getattr(node, "number", None) == self.number:
            return self.other
        return self.generic_visit(node)


def _body(function):
    """The function's tree, its docstring and the marks of the solution left out."""
    tree = ast.parse(function)
    body = tree.body[0].body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        del body[0]
    return tree


def mutants(name, function):
    """Every mutant of a function's source, each different from it and from the others."""
    tree = _body(function)
    for number, node in enumerate(ast.walk(tree)):
        node.number = number
    whole = ast.unparse(tree)
    seen = {whole}
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.arguments | ast.FunctionDef):
            continue
        for other in _others(node):
            changed = _Replace(node.number, copy.deepcopy(other)).visit(copy.deepcopy(tree))
            source = ast.unparse(ast.fix_missing_locations(changed))
            if source not in seen:
                seen.add(source)
                yield Mutant(name, _change(whole, source), source)


def _change(whole, source):
    """The line that differs, before and after."""
    pairs = zip(whole.splitlines(), source.splitlines(), strict=False)
    was, becomes = next(pair for pair in pairs if pair[0] != pair[1])
    return f"{was.strip()}  ->  {becomes.strip()}"


@functools.cache
def _page(path):
    """Names that the imports and functions of a solution's cells define."""
    space = {"__name__": "solution"}
    tree = ast.parse(path.read_text(encoding="utf8"))
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef)
    tree.body = [node for node in tree.body if isinstance(node, kept)]
    exec(compile(tree, str(path), "exec"), space)
    return space


def compiled(mutant, path):
    """The mutant as a function, beside the right versions of everything else on the page."""
    space = dict(_page(path))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        exec(compile(mutant.source, f"<{mutant.task}>", "exec"), space)
    return space[mutant.task]


@contextlib.contextmanager
def limited(seconds=SECONDS):
    """Raise TimeoutError in what runs for longer."""

    def stop(*_):
        raise TimeoutError(f"no answer within {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def examined(name, check, function, path):
    """Pairs of mutant and the check's verdict on it."""
    for mutant in mutants(name, function):
        with limited():
            yield mutant, check(compiled(mutant, path))
