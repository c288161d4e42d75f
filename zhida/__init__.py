"""The command line, the local stack, the example world and the composition root; nothing imports this."""
