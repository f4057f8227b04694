"""The four loops, each of which reads one log and commits its position together with what it writes."""

from tocsin.pipeline.detect import Bell, Detect
from tocsin.pipeline.ingest import ingest
from tocsin.pipeline.notify import Couriers, Office
from tocsin.pipeline.process import Process

__all__ = ["Bell", "Couriers", "Detect", "Office", "Process", "ingest"]
