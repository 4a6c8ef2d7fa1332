"""All sentences of the report, and nothing but sentences: numbers come from the statistics."""
