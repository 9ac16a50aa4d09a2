"""The configuration: read (file and environment), checked, shown, and compiled to snapshot entries. Only the CLI and
`proxy.app` import it.

Nothing is imported here: `serve` counts milliseconds, and a gateway never reads settings.
"""
