"""The batch indexer and the core it shares with the search service."""
