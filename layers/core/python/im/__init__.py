"""The instant-messaging core: rules, use cases and stores shared by every function.

Each domain package has the same three files: ``model`` (data and pure rules), ``service`` (use cases, no AWS) and
``store`` (the only place with AWS calls). ``wiring`` puts them together; ``settings`` alone reads the environment.
"""

import gc

# A start makes some hundred thousand objects that all stay. Python's default, a search for garbage after every 700 of them,
# costs 2 % of a start; an invocation leaves little that only the collector can free.
gc.set_threshold(50_000, 10, 10)
