"""Scripts that make the pictures, tables and recordings of the documentation."""
