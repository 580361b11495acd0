"""Which grade a node falls into."""

import pytest

from libs.common.api.cluster import ResourceModel, ResourceModelRange
from services.agent.core import modelings

CPU, GI = 10**9, 2**30 * 10**9
GRADES = modelings.grades(modelings.DEFAULT)


@pytest.mark.parametrize(
    ("cpu", "memory", "grade"),
    [
        (0, 0, 0),
        (CPU - 1, 100 * GI, 0),
        (CPU, 4 * GI, 1),
        (CPU, 4 * GI - 1, 0),
        (3 * CPU, 20 * GI, 2),
        (64 * CPU, 4 * GI, 1),
        (127 * CPU, 1023 * GI, 7),
        (128 * CPU, 1024 * GI, 8),
        (10**6 * CPU, 10**6 * GI, 8),
    ],
    ids=[
        "nothing left",
        "a little less than a core",
        "just a grade's lower bounds",
        "memory a byte short",
        "in the middle",
        "much cpu, little memory",
        "below the last",
        "the last",
        "beyond all bounds",
    ],
)
def test_the_scarcest_resource_decides(cpu: int, memory: int, grade: int) -> None:
    assert modelings.index(GRADES, {"cpu": cpu, "memory": memory}) == grade


def test_an_overcommitted_node_has_no_grade() -> None:
    assert modelings.index(GRADES, {"cpu": -1, "memory": GI}) == -1


def test_a_resource_that_the_node_lacks_is_none_of_it() -> None:
    assert modelings.index(GRADES, {"cpu": 64 * CPU}) == 0


def test_nodes_are_counted_by_grade_and_a_full_one_in_none() -> None:
    big = {"cpu": 5 * CPU, "memory": 40 * GI, "pods": 10 * CPU}
    full = {**big, "pods": 0}
    over = {**big, "cpu": -CPU}
    counts = modelings.count(GRADES, [full, big, over, big])
    assert {c.grade: c.count for c in counts if c.count} == {3: 2}
    assert [c.grade for c in counts] == list(range(9))


def test_models_are_taken_in_the_order_of_their_grades_and_by_the_first_one_s_resources() -> None:
    def model(grade: int, low: str, high: str) -> ResourceModel:
        return ResourceModel(grade=grade, ranges=[ResourceModelRange(name="nvidia.com/gpu", min=low, max=high)])

    grades = modelings.grades([model(7, "4", "100"), model(1, "0", "4")])
    counts = modelings.count(grades, [{"nvidia.com/gpu": 5 * CPU, "pods": CPU}])
    assert [(c.grade, c.count) for c in counts] == [(1, 0), (7, 1)]


def test_no_models_count_nothing() -> None:
    assert modelings.count(modelings.grades([]), [{"cpu": CPU, "pods": CPU}]) == []
