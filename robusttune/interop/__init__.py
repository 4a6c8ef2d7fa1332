"""Results that were made elsewhere come in, and configurations go out. Nothing is trained."""
