"""The composition root: makes every service once per process, from the environment.

One module per need, because importing is most of a cold start: a function imports the services that it serves and nothing of
the others. Only functions import these modules.
"""
