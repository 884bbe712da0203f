"""How well anomalies and exhaustion are told, measured on months of generated data in a real Prometheus."""
