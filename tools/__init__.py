"""Maintainers' tools: read the questions, render, prove every variant. Users of the template need none of them."""
