"""The rendered service, built and used as its owner would use it: a database, processes, raw HTTP, load."""
