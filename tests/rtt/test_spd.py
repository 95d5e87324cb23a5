"""Inverses of symmetric positive definite matrices, against what defines them."""

from __future__ import annotations

import random

import pytest

from resolverd.rtt.spd import Matrix, PartInverse, dot, inverse, times


def _matrix(size: int, seed: int) -> Matrix:
    """A sum of squares and a diagonal, which is positive definite."""
    chance = random.Random(seed)
    rows = [[chance.gauss(0, 1) for _ in range(size)] for _ in range(size)]
    return [[dot(a, b) + (i == j) for j, b in enumerate(rows)] for i, a in enumerate(rows)]


def _is_inverse(matrix: Matrix, inverted: Matrix) -> bool:
    size = len(matrix)
    for j in range(size):
        unit = [float(i == j) for i in range(size)]
        if times(matrix, [row[j] for row in inverted]) != pytest.approx(unit, abs=1e-6):
            return False
    return True


@pytest.mark.parametrize("size", [1, 2, 3, 10, 40])
def test_a_matrix_times_its_inverse_is_one(size: int) -> None:
    matrix = _matrix(size, size)
    assert _is_inverse(matrix, inverse(matrix))


def _rows(part: PartInverse, size: int) -> Matrix:
    return [part.row(index) for index in range(size)]


# From none left out, over few, whose block is taken away, to most, where the rest is inverted.
@pytest.mark.parametrize("kept", [list(range(9)), [0, 1, 2, 4, 5, 7, 8], [3, 8], [5]])
def test_of_a_part_the_inverse_is_that_of_its_rows_and_columns(kept: list[int]) -> None:
    matrix = _matrix(9, 1)
    rest = [[matrix[i][j] for j in kept] for i in kept]
    part = PartInverse(matrix, inverse(matrix), kept)
    rows = _rows(part, len(kept))
    assert _is_inverse(rest, rows)
    assert part.diagonal == pytest.approx([row[n] for n, row in enumerate(rows)])
    vector = [1.0, -2.0, 0.5, 3.0, 0.0, 1.0, 4.0, -1.0, 2.5][: len(kept)]
    assert part.times(vector) == pytest.approx(times(rows, vector))


@pytest.mark.parametrize("kept", [list(range(7)), [0, 2, 3, 4, 6]])
def test_directions_that_are_added_are_in_the_inverse(kept: list[int]) -> None:
    matrix = _matrix(7, 2)
    part = PartInverse(matrix, inverse(matrix), kept)
    more = [[matrix[i][j] for j in kept] for i in kept]
    for variance, whole in ((9.0, [1.0, -2.0, 0.5, 3.0, 0.0, 1.0, 4.0]), (0.2, [1.0] * 7)):
        direction = [whole[index] for index in kept]
        part.add(direction, variance)
        more = [
            [value + variance * a * b for value, b in zip(row, direction, strict=True)]
            for row, a in zip(more, direction, strict=True)
        ]
    rows = _rows(part, len(kept))
    assert _is_inverse(more, rows)
    assert part.diagonal == pytest.approx([row[n] for n, row in enumerate(rows)])
    assert part.times(direction) == pytest.approx(times(rows, direction))


def test_two_equal_rows_give_numbers_and_no_fault() -> None:
    inverted = inverse([[1.0, 1.0], [1.0, 1.0]])
    assert all(value == value for row in inverted for value in row)
