"""Damage by code: survey tables, GeoJSON and reports to counts, classes and losses, and a report of them.

files ── read ──► rows ── figures ──► sentences, tables, pictures ── write ──► json, md, html, pdf
          │ table · features · reports · photo            (every figure keeps the rows behind it)
"""
