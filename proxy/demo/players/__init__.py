"""The principals that `tos-proxy demo` plays, and their clients: the providers' SDKs where they are installed, else raw HTTP."""
