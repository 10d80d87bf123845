"""The web page: static files without a build step, served by `search_api`."""
