"""Which function makes which table and figure, from results databases."""
