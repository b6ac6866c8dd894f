"""Reports of any domain: one document of plain text blocks and drawings as Markdown, HTML and PDF."""
