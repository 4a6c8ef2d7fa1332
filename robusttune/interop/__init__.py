"""Results that were made elsewhere: read, compared, reported. Nothing is trained."""
