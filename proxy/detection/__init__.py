"""Finds model extraction in traffic. Pure: fed with observations in order, it does the same live, in a replay and in a backtest."""
