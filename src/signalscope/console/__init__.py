"""A page that draws the dashboards without Grafana, and shows what runs and which alerts there are."""
