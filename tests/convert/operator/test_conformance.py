"""All implementations of `sdfl::SparseGraphConv` against one formula on one file of vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import operator_vectors as generated
import pytest
from operator_implementations import IMPLEMENTATIONS, Implementation, epsilons
from operator_vectors import CASES, Vector

pytestmark = pytest.mark.slow

ROWS = [pytest.param(row, id=row.name, marks=row.marks) for row in IMPLEMENTATIONS]
VECTORS = [case.name for case in CASES]


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize("implementation", ROWS)
def test_implementation_gives_the_formula(
    implementation: Implementation,
    name: str,
    vectors: dict[str, Vector],
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    vector = vectors[name]
    worst, allowed = epsilons(implementation, vector, implementation.open(request)(vector))
    record_property(f"epsilons_{vector.z.dtype.name}", worst)
    assert worst <= allowed, f"{worst:.2f} epsilons where {allowed} are allowed: {implementation.reason}"


def test_vectors_are_the_same_every_time(tmp_path: Path) -> None:
    digests = set()
    for name in ("one.npz", "other.npz"):
        generated.write(tmp_path / name)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("nodes", {1, 29, 68, 98}),
        ("neighbours", {*range(1, 9), 29, 98}),
        ("channels", {1, 2, 3, 64, 128, 131}),
        ("batch", {0, 1, 7}),
        ("slope", {0, 0.1, 1}),
        ("dtype", {"float32", "float16"}),
    ],
)
def test_vectors_cover_the_contract(field: str, wanted: set[object]) -> None:
    assert {getattr(case, field) for case in CASES} == wanted
    assert {case.sources // case.nodes for case in CASES} == {1, 2}
