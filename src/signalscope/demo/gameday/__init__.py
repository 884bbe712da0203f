"""The game day: switch the faults of the demo on, and measure when users and the monitoring notice each one."""
