"""What every instrumentor is made of: patches, import hooks, places, and one recorder for each kind of library."""
