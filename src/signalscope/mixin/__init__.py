"""Rules, alerts, runbooks and server configuration, generated from the contract and one config."""
