"""Write the generated files: ``make contract``."""

from __future__ import annotations

from pathlib import Path

from contract.tables import written

TOP = Path(__file__).parents[1]


def main() -> None:
    """Write those whose text has changed, and name them."""
    for path, text in written().items():
        if not (TOP / path).is_file() or (TOP / path).read_text() != text:
            (TOP / path).write_text(text)
            print(f"wrote {path}")


if __name__ == "__main__":
    main()
