"""One agent per file, thin: chunks in, the work of a role, and the transport commits what is done."""
