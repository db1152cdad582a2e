"""What stands in inputs and outputs: conversations, parts of messages, edits of files; pure."""
