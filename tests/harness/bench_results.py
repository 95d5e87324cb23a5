"""A small result file of `bench.native.tails`, of one bar."""

from __future__ import annotations

from typing import Any

TAILS: dict[str, Any] = {
    "rows": [
        {
            "threads": 1,
            "server": "gdnsd",
            "meanwhile": "nothing",
            "p99": 100.0,
            "all": {"p99": [100.0, 200.0]},
        },
        {
            "threads": 1,
            "server": "resolverd native",
            "meanwhile": "publishing",
            "p99": 150.0,
            "all": {"p99": [150.0, 500.0]},
        },
    ],
    "bars": [
        {"threads": 1, "meanwhile": "publishing", "quantile": "p99", "ratio": 2.0, "bar": 1.0}
    ],
}
