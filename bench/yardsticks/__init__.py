"""Two other designs of the same chat, small but honest, to hold ours against. They run on the same gateway and meter.

Both use our authorizer and our poster, so what differs is the design and nothing else; neither keeps any of the promises.
"""
