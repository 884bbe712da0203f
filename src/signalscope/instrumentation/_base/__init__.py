"""Common parts of the instrumentors: patches, import hooks, names of objects, a base for each kind of library.

Import from the modules: an instrumentor loads only those that it needs.
"""
