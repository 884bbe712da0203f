"""The routes of /monitoring and their answers."""
