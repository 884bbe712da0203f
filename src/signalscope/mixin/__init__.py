"""Rules, alerts, dashboards, runbooks and server configuration, generated from the contract and the configuration."""
