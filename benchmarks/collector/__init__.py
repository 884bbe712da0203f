"""The cost of the Collector's pipelines, against a bare configuration of the same binary."""
