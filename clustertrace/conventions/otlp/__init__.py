"""OTLP requests, in both encodings, to raw spans, records and points."""
