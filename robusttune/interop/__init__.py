"""Results that exist elsewhere come in, and configurations go out."""
