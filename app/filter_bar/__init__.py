"""The filter bar: conditions, saved filters, and downloads of the matching traces."""
