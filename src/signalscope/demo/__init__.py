"""The demo: the reference service, the local stack that runs it, and the faults that can be switched on in both."""
