"""The database for coding assistants: a server of the Model Context Protocol, and its installer."""
