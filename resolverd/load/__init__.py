"""How loaded the regions are, and what follows: shares of clients moved, and alerts.

Joins what probes read (`health`), the pure rules (`policy`) and the Plan, and gives the world its
shares. `LoadController` joins them; `saturation` knows how full each replica is, `spilling` keeps
the shares of each service, `alerting` judges what clients get. It probes nothing and answers
nothing.
"""

from resolverd.load.controller import LoadController

__all__ = ["LoadController"]
