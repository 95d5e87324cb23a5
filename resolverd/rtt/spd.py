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
    for j in range(size):
        column = [1.0 / lower[j][j]]
        for row in lower[j + 1 :]:
            column.append(-sum(map(mul, row[j:], column)) / row[-1])
        columns.append(column)
    inverted = [[0.0] * size for _ in range(size)]
    for i, column in enumerate(columns):
        for j in range(i + 1):
            inverted[i][j] = inverted[j][i] = sum(map(mul, column, columns[j][i - j :]))
    return inverted


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
