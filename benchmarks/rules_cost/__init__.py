"""The cost of the rules with many instances, measured in a real Prometheus."""
