"""Common parts of the instrumentors: patches, import hooks, names of objects, a base for each kind of library.

Import names from the modules, so that an instrumentor loads only the modules that it needs.
"""
