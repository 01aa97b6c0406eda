"""小火 (FireRobot), a robot in a few pages, of the standard library only: take it as the beginning of your own.

``webhook`` checks who calls, ``api`` speaks to the server, ``talk`` is what it says. ``handler`` is all of it as a function
with a function URL, ``__main__`` as a server on this machine.
"""
