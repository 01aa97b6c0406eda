"""A push server that shows what it is sent, in the browser: how sleeping phones look, without a phone or a vendor.

``inbox`` keeps notifications and says what they show, ``serve`` takes them where Wildfire's push server does
(``/android/push``, ``/ios/push``, ``/harmony/push``), and serves ``page.html``.
"""
