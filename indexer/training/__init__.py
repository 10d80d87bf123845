"""Contrastive training of the built-in model, on a processor or a GPU."""
