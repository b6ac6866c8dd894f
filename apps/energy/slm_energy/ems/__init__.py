"""The site at work: what its meters said, what is planned for it, what people ordered."""
