"""The peers an expert has to beat: they see the same training rows and answer the same questions."""
