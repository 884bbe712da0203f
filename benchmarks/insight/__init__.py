"""Measurement of anomaly detection and forecast on months of generated data in a real Prometheus."""
