"""Inverses of symmetric positive definite matrices, against what defines them."""

from __future__ import annotations

import random

import pytest

from resolverd.rtt.spd import Matrix, dot, inverse, times, with_direction, without


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


@pytest.mark.parametrize("index", [0, 4, 8])
def test_without_a_row_the_inverse_is_that_of_the_rest(index: int) -> None:
    matrix = _matrix(9, 1)
    rest = [row[:index] + row[index + 1 :] for n, row in enumerate(matrix) if n != index]
    assert _is_inverse(rest, without(inverse(matrix), index))


def test_a_direction_that_is_added_is_in_the_inverse() -> None:
    matrix, direction = _matrix(7, 2), [1.0, -2.0, 0.5, 3.0, 0.0, 1.0, 4.0]
    more = [
        [value + 9.0 * a * b for value, b in zip(row, direction, strict=True)]
        for row, a in zip(matrix, direction, strict=True)
    ]
    assert _is_inverse(more, with_direction(inverse(matrix), direction, 9.0))


def test_two_equal_rows_give_numbers_and_no_fault() -> None:
    inverted = inverse([[1.0, 1.0], [1.0, 1.0]])
    assert all(value == value for row in inverted for value in row)
