"""The Faust workers: transport, partition ownership, transactions, recovery, and the agents."""
