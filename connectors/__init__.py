"""The edges: each connector talks to one kind of outside system, and knows only the schemas."""
