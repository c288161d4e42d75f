"""The running system against a textbook Faust app and against the bare client, on one broker."""
