"""A web page that draws the dashboards without Grafana, and lists the parts, the alerts and the targets."""
