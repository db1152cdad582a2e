"""What coding agents keep of their sessions on this machine, read into runs."""
