"""The four loops, each of which reads one log and commits its position together with what it writes."""

from tocsin.pipeline.detect import Detect
from tocsin.pipeline.ingest import ingest
from tocsin.pipeline.notify import notify
from tocsin.pipeline.process import Process

__all__ = ["Detect", "Process", "ingest", "notify"]
