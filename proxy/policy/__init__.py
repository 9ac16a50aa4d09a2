"""Policies: files that people write, checked and compiled to rules, and the names by which a rule speaks of a call.

Nothing is imported here: a gateway takes what runs per request (`names`, `plain`, `engine`) and nothing of what reads files.
"""
