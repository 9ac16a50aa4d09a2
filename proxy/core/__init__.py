"""The vocabulary every other package speaks: plain data, standard library and msgspec only, no I/O, no event loop."""
