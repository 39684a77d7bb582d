"""What makes code slow to read, counted per 1,000 lines of docmind/.

The ceilings are a guard, not a goal: a clear comprehension is better than a bad loop. They were set
beside what code has that is known to read well: httpx, llm, flask and nano-vllm.
"""

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "docmind").rglob("*.py"))

CEILINGS = {
    "tuple assignments of unlike things": 2,
    "conditional expressions": 14,
    "nested conditional expressions": 0,
    "comprehensions": 18,
    "walruses": 1,
    "lambdas": 2,
    "calls with 4 or more positional arguments": 2,
    "uses of Any": 8,
}
"""At most so many in 1,000 lines that are not blank."""

FORMER_NAMES = {
    "Brief",
    "Chunk",
    "Draft",
    "Embedded",
    "Hit",
    "Left",
    "Relay",
    "Source",
    "Worker",
}
"""Classes that have the field's name now (`Passage`, `Citation`, `AgentSpec`, `PlanBuilder`, …)."""


def habits_of(node: ast.AST) -> list[str]:
    """Return the names of the counted habits that one node of the syntax tree shows."""
    match node:
        case ast.Assign(targets=[ast.Tuple(), *_], value=ast.Tuple()):
            return ["tuple assignments of unlike things"]
        case ast.IfExp():
            inner = [part for part in ast.walk(node) if part is not node]
            if any(isinstance(part, ast.IfExp) for part in inner):
                return ["conditional expressions", "nested conditional expressions"]
            return ["conditional expressions"]
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return ["comprehensions"]
        case ast.NamedExpr():
            return ["walruses"]
        case ast.Lambda():
            return ["lambdas"]
        case ast.Call(args=arguments) if len(arguments) >= 4:
            return ["calls with 4 or more positional arguments"]
        case ast.Name(id="Any"):
            return ["uses of Any"]
    return []


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    """The syntax tree of every module."""
    return {path: ast.parse(path.read_text("utf-8")) for path in MODULES}


@pytest.fixture(scope="module")
def density(trees) -> dict[str, float]:
    """How often each habit occurs in 1,000 lines of docmind/."""
    lines = 0
    for path in MODULES:
        lines += sum(1 for line in path.read_text("utf-8").splitlines() if line.strip())
    found = Counter[str]()
    for tree in trees.values():
        for node in ast.walk(tree):
            found.update(habits_of(node))
    return {habit: found[habit] / lines * 1000 for habit in CEILINGS}


@pytest.mark.parametrize("habit", CEILINGS)
def test_docmind_stays_readable_in_one_pass(density, habit):
    assert density[habit] <= CEILINGS[habit]


def test_no_class_has_a_private_name_again(trees):
    found = []
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name in FORMER_NAMES:
                found.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert found == []


def test_the_count_sees_each_habit():
    source = """
a, b = "one", 2
c = a if b else (1 if a else 2)
d = [x for x in c]
if (e := d):
    f = lambda: e
g(1, 2, 3, 4)
h: Any = None
"""
    found = Counter[str]()
    for node in ast.walk(ast.parse(source)):
        found.update(habits_of(node))
    assert dict(found) == dict.fromkeys(CEILINGS, 1) | {"conditional expressions": 2}
