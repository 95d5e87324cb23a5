"""What Prometheus and Grafana are given: dashboards, scrape configuration, and the alert rules.

promql ──► panel ──► rows ──► dashboard ──┐            `resolverd template grafana`
config ──► scrape ──► yaml ───────────────┼─► documents `resolverd template prometheus`
resolverd.rules.yml ──────────────────────┘            `resolverd template alerts`

A query is made of declared metrics (`admin.metrics`), never of their names: a metric that goes, or
loses a label, takes the dashboard with it when it is imported.
"""
