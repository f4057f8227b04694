"""Platforms played on this machine: their wire, their order, their faults. For tests, and for trying things out.

One module a platform, with one class named after it, a `Simulator` (_simulator.py), and `an_hour` of it for
`tocsin simulate`. Nothing leaves the machine.
"""
