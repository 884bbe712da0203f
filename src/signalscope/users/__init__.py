"""Users: who a piece of work is for, how many are active, and what their work costs."""
