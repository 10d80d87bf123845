"""Contrastive training of the built-in model, on threads of a processor."""
