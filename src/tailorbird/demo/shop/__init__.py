"""The demonstration shop: pages rendered on the server over a Tailorbird in the same process.

``visitor`` is what the cookies say, ``shelf`` the products, ``tracking`` the events, ``slates`` the placements, ``panel`` what
Tailorbird knows; ``pages`` and ``actions`` are the routes, ``render`` and ``art`` how they look.
"""
