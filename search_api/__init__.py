"""The read side of atisbo: the searcher, the HTTP service and the commands `search` and `serve`."""
