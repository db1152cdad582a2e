"""After the writer: traces with news are summarised, and what pages read is added up."""
