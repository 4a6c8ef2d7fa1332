"""Everything at once: the analysis of one study."""
