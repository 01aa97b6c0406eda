"""A chat for the terminal: `wildfire-chat`, or `python -m wildfire_client.chat`."""
