"""What recording costs, next to the same by hand and to other libraries: `make bench`."""
