"""The demo: the reference service, the local stack that runs it, and faults to switch on in both."""
