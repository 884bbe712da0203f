"""What the rules cost with many instances, measured in a real Prometheus."""
