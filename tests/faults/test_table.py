"""The page of faults is true: every fault that was asked for stands there, with tests that exist."""

from __future__ import annotations

import ast

import pytest

from tests.faults.table import ROOT, Fault, named_tests, rows

ASKED = (
    *("sshd killed", "cut at every byte", "latency and loss", "half-open", "slurmctld stopped", "slurmctld hung"),
    *("slurmdbd down", "munge down", "disk full on the cluster", "quota on the cluster", "disk full on the laptop"),
    *("quota on the laptop", "log truncated", "log rotated", "log deleted", "clock skew", "host suspended"),
    *("kill -9 in a launch", "kill -9 in a download", "two apps on one store", "corrupted store", "read-only home"),
    "terminal gone",
)


def functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("name", ASKED)
def test_every_fault_has_a_row(name: str) -> None:
    assert name in [fault.name for fault in rows()]


@pytest.mark.parametrize("fault", rows(), ids=lambda fault: fault.name)
def test_a_row_names_tests_that_exist(fault: Fault) -> None:
    assert fault.tests
    for test in fault.tests:
        path, _, name = test.partition("::")
        assert name in functions(f"tests/{path}"), test


def test_every_test_of_the_suite_stands_in_the_page() -> None:
    folder = ROOT / "tests" / "faults"
    written = {
        f"tests/faults/{path.name}::{name}"
        for path in folder.glob("test_*.py")
        if path.name != "test_table.py"
        for name in functions(f"tests/faults/{path.name}")
        if name.startswith("test_")
    }
    assert written <= set(named_tests()), written - set(named_tests())
