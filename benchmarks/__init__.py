"""The cost of recording, compared with code by hand and with other libraries: `make bench`."""
