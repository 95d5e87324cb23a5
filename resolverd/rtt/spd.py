"""Symmetric positive definite matrices as lists of rows: the inverse, and what changes it.

Of what the fit needs there are some hundred rows, for which lists do.
"""

from __future__ import annotations

from math import sqrt
from operator import mul

Vector = list[float]
Matrix = list[Vector]

_LEAST = 1e-9


def dot(a: Vector, b: Vector) -> float:
    """The sum of products."""
    return float(sum(map(mul, a, b)))


def times(matrix: Matrix, vector: Vector) -> Vector:
    """The product of a matrix and a vector."""
    return [dot(row, vector) for row in matrix]


def inverse(matrix: Matrix) -> Matrix:
    """The inverse of a symmetric positive definite matrix, by Cholesky's decomposition.

    A pivot that rounding has made zero or less, as of two equal rows, is taken for a small one.
    """
    lower: Matrix = []  # by row, up to the diagonal
    for i, row in enumerate(matrix):
        made: Vector = []
        for j in range(i):
            above = lower[j]
            made.append((row[j] - sum(map(mul, made, above))) / above[j])
        made.append(sqrt(max(_LEAST, row[i] - sum(map(mul, made, made)))))
        lower.append(made)
    size = len(matrix)
    # Columns of the inverse of `lower`, each from its diagonal down.
    columns: Matrix = []
    upright = [[lower[i][j] for i in range(j, size)] for j in range(size)]
    for j in range(size):
        rest = [0.0] * (size - j)
        rest[0] = 1.0
        column: Vector = []
        for step in range(size - j):
            below = upright[j + step]
            value = rest[step] / below[0]
            column.append(value)
            if value:
                for k in range(1, size - j - step):
                    rest[step + k] -= value * below[k]
        columns.append(column)
    return [
        [dot(columns[i][max(i, j) - i :], columns[j][max(i, j) - j :]) for j in range(size)]
        for i in range(size)
    ]


def without(inverted: Matrix, index: int) -> Matrix:
    """The inverse of the same matrix without one row and column, from the inverse with it."""
    gone = inverted[index]
    pivot = gone[index]
    rest = gone[:index] + gone[index + 1 :]
    made = []
    for i, row in enumerate(inverted):
        if i != index:
            factor = row[index] / pivot
            short = row[:index] + row[index + 1 :]
            made.append([a - factor * b for a, b in zip(short, rest, strict=True)])
    return made


def with_direction(inverted: Matrix, direction: Vector, variance: float) -> Matrix:
    """The inverse of the same matrix plus variance × direction × directionᵀ (Sherman, Morrison)."""
    turned = times(inverted, direction)
    factor = variance / (1.0 + variance * dot(direction, turned))
    return [
        [a - factor * t * b for a, b in zip(row, turned, strict=True)]
        for row, t in zip(inverted, turned, strict=True)
    ]
