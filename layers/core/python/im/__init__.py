"""The instant-messaging core: rules, use cases and stores shared by every function.

Each domain package has the same three files: ``model`` (data and pure rules), ``service`` (use cases, no AWS) and
``store`` (the only place with AWS calls). ``wiring`` puts them together; ``settings`` alone reads the environment.
"""
