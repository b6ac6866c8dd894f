"""The names of the ways to prune, apart from their code, which needs the extra train."""

UNSTRUCTURED, STRUCTURED = ("magnitude", "wanda"), ("layers", "mlp")
METHODS = (*UNSTRUCTURED, *STRUCTURED)
