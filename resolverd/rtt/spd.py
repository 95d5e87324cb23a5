"""Symmetric positive definite matrices as lists of rows: the inverse, and that of a part of one.

Of what the fit needs there are some hundred rows, for which lists do. It asks for the inverse of
many parts of one matrix, of each for its diagonal and for few of its rows: what nobody asks for is
not worked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from operator import mul

Vector = list[float]
Matrix = list[Vector]

_LEAST = 1e-9


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """The sum of products."""
    return float(sum(map(mul, a, b)))


def times(matrix: Matrix, vector: Vector) -> Vector:
    """The product of a matrix and a vector."""
    return [dot(row, vector) for row in matrix]


def inverse(matrix: Matrix) -> Matrix:
    """The inverse of a symmetric positive definite matrix, by Cholesky's decomposition.

    A pivot that rounding has made zero or less, as of two equal rows, is taken for a small one.
    """
    lower = _cholesky(matrix)
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


class PartInverse:
    """The inverse of the rows and columns `kept` of a matrix, in their order.

    Where few are left out it comes from the inverse of the whole, by the block that is left out
    (Schur's complement); else the part is inverted itself. `add` adds to the matrix afterwards.
    """

    def __init__(self, matrix: Matrix, inverted: Matrix, kept: Sequence[int]) -> None:
        """Of `matrix`, whose inverse `inverted` is. Neither is changed."""
        left = set(kept)
        gone = [index for index in range(len(matrix)) if index not in left]
        # Multiplications that either takes.
        by_complement = len(gone) ** 2 * (len(gone) / 6 + len(kept) / 2)
        if by_complement > len(kept) ** 3 / 2:
            inverted = inverse([[matrix[i][j] for j in kept] for i in kept])
            kept, gone = range(len(kept)), []
        self._kept, self._width = kept, len(inverted)
        self._rows = [inverted[index] for index in kept]
        lower = _cholesky([[inverted[i][j] for j in gone] for i in gone])
        self._lost = [_forward(lower, [row[index] for index in gone]) for row in self._rows]
        self._lost_columns = list(zip(*self._lost, strict=True))
        self._added: list[tuple[float, Vector]] = []
        self.diagonal = [
            row[index] - dot(lost, lost)
            for index, row, lost in zip(kept, self._rows, self._lost, strict=True)
        ]

    def add(self, direction: Vector, variance: float) -> None:
        """Add variance × direction × directionᵀ to the matrix (Sherman, Morrison)."""
        turned = self.times(direction)
        factor = variance / (1.0 + variance * dot(direction, turned))
        self._added.append((factor, turned))
        self.diagonal = [
            value - factor * t * t for value, t in zip(self.diagonal, turned, strict=True)
        ]

    def times(self, vector: Vector) -> Vector:
        """The product of the inverse and a vector."""
        wide = [0.0] * self._width
        for index, value in zip(self._kept, vector, strict=True):
            wide[index] = value
        through = [dot(column, vector) for column in self._lost_columns]
        made = [
            dot(row, wide) - dot(lost, through)
            for row, lost in zip(self._rows, self._lost, strict=True)
        ]
        for factor, turned in self._added:
            made = _less(made, factor * dot(turned, vector), turned)
        return made

    def row(self, index: int) -> Vector:
        """One row of the inverse."""
        row, lost = self._rows[index], self._lost[index]
        made = [row[j] for j in self._kept]
        if lost:
            made = [value - dot(lost, other) for value, other in zip(made, self._lost, strict=True)]
        for factor, turned in self._added:
            made = _less(made, factor * turned[index], turned)
        return made


def _less(vector: Vector, factor: float, other: Vector) -> Vector:
    """The vector less factor × other."""
    return [a - factor * b for a, b in zip(vector, other, strict=True)]


def _cholesky(matrix: Matrix) -> Matrix:
    """The lower factor by row, each up to its diagonal."""
    lower: Matrix = []
    for i, row in enumerate(matrix):
        made: Vector = []
        for j in range(i):
            above = lower[j]
            made.append((row[j] - sum(map(mul, made, above))) / above[j])
        made.append(sqrt(max(_LEAST, row[i] - sum(map(mul, made, made)))))
        lower.append(made)
    return lower


def _forward(lower: Matrix, vector: Vector) -> Vector:
    """What `lower` takes to `vector`."""
    made: Vector = []
    for row, value in zip(lower, vector, strict=True):
        made.append((value - sum(map(mul, made, row))) / row[-1])
    return made
