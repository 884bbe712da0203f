"""A page that shows what the local stack runs, what it measures and which alerts fire."""
