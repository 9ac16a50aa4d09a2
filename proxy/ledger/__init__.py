"""The spine: what was asked and answered, made durable before it leaves, and read back by everything else."""
