"""What makes the book: figures, claims, pages, PDF, releases. The science is `ptacore`."""
