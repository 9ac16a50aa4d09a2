"""The data plane: one corridor from a client to an upstream and back, lean, without database or framework."""
