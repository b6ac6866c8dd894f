"""Terms for BM25, Korean and English alike.

A Korean word carries its particles and endings ("침수된", "침수가"), so whole words seldom meet. Its
pairs of neighbouring syllables do ("침수" is a term of both), and so does its first syllable ("물이" and
"물을"). Tried on both question sets of benchmarks/rag_recall.py: pairs alone, pairs with one-syllable
particles cut off, pairs with every syllable; this had the best mean reciprocal rank in each. kiwipiepy's
morphemes would join words too, at 130 MB installed (42 the library, 88 the model). English words lose their
plural (the S stemmer of Harman, 1991).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_RUN = re.compile(r"[가-힣]+|[0-9]+(?:[.,][0-9]+)*|[^\W\d_가-힣]+")


def terms(text: str) -> list[str]:
    """Return the terms of a text, in order and with repetitions."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return [term for run in _RUN.findall(folded) for term in _terms_of(run)]


def _terms_of(run: str) -> Iterator[str]:
    if "가" <= run[0] <= "힣":
        yield run[0]
        yield from (run[start : start + 2] for start in range(len(run) - 1))
    elif run[0].isdigit():
        yield run.replace(",", "").replace(".", "_")  # 3,000 is 3000; 1.5 stays one term
    else:
        yield _singular(run)


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies") and word[-4] not in "ae":
        return f"{word[:-3]}y"
    if len(word) > 3 and word.endswith("es") and word[-3] not in "aeo":
        return word[:-1]
    if len(word) > 3 and word.endswith("s") and word[-2] not in "us":
        return word[:-1]
    return word
