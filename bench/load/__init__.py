"""A steady load that counts what a switch costs its clients. Standard library only."""

from bench.load.background import Load
from bench.load.report import Failure, Report, Seen, Streams

__all__ = ["Failure", "Load", "Report", "Seen", "Streams"]
