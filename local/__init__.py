"""Runs the synthesized CloudFormation templates on this machine, in one process, over moto.

``topology.Topology`` ties the parts together; ``python -m local`` is the interactive start.
"""
