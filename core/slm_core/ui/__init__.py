"""What the pages of all domains share: a frame in two languages, charts, a map, marked texts, a local server.

    PageServer ──► frame (one for each language) ──► the domain's `page(frame)`
                                                             highlight · chart · sketch

Every picture and text is made here as escaped HTML or SVG; a page never loads anything from another host.
"""

from slm_core.ui.frame import Frame, Lang
from slm_core.ui.live import Live, Running
from slm_core.ui.server import PageServer

__all__ = ["Frame", "Lang", "Live", "PageServer", "Running"]
