"""API metrics of WSGI and ASGI applications, with or without a framework.

Example::

    application = signalscope.web.WsgiMetrics(application)
"""

from signalscope.web._asgi import AsgiMetrics
from signalscope.web._wsgi import WsgiMetrics

__all__ = ["AsgiMetrics", "WsgiMetrics"]
