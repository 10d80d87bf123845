"""How good a space is, from stored vectors alone: recall, its geometry, and a page that shows both.

Needs numpy; the page needs matplotlib, which is imported when a page is drawn.
"""
