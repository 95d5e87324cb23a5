"""How loaded the regions are, and what follows: shares of clients moved, and alerts.

Joins what probes read (`health`), the pure rules (`policy`) and the Plan, and gives the world its
shares. `Load` is the room; `fullness` knows saturation, `spilling` keeps the shares of each
service, `alerting` judges what clients get. It probes nothing and answers nothing.
"""

from resolverd.load.room import Load

__all__ = ["Load"]
