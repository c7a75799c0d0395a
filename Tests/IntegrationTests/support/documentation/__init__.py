"""What the pages of this repository promise: their code blocks, and how each is run."""
