"""Where the bytes of a model come from, one source a file; `fetch` asks them in order."""
