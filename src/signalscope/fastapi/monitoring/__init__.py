"""The routes of /monitoring, and the answers that they give."""
