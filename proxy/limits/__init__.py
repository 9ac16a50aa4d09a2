"""How fast: rates by rule and principal, counted in this process or, past one worker, from leases of a shared budget."""
