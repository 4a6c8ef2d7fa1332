"""What is to be done, declared: frozen, checked, without side effects."""
