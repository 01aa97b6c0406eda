"""A newsroom: the service of a channel that broadcasts, welcomes who subscribes, and answers who writes.

``python -m demo.channel "What has happened"`` broadcasts to everybody who listens to the channel of ``make run``.
"""
