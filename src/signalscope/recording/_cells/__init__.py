"""The fast path: measurements are appended to buffers and become OpenTelemetry points when a reader collects.

Read `docs/recording.md` first. `feed` is the hot path, `aggregate` the arithmetic of one series, `store` the
set of all series and its collection, `handover` the way into the readers of an OpenTelemetry SDK.
"""
