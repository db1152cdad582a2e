"""The bar above what it filters: conditions, filters kept by name, what is left as a file."""
