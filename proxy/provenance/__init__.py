"""Where answers come from and what they may be used for: calls read back from the ledger, and the release of answers."""
