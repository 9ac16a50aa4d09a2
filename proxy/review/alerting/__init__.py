"""What others are told of findings, cases and exchanges: neutral words, leads and no conclusions, never a prompt."""
