"""Owners of projects, as the tests script them."""
