"""Which models exist, where their bytes come from, what they cost."""

from slm_core.catalog.catalog import Model, find_model, load_catalog
from slm_core.catalog.fetch import ensure, find_here
from slm_core.catalog.progress import Bar, Progress, Quiet

__all__ = ["Bar", "Model", "Progress", "Quiet", "ensure", "find_here", "find_model", "load_catalog"]
