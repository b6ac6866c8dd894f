"""Files to passages: what is cut where, what it is called, and what cannot be read."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm_core.rag.documents import Unreadable, read_passages
from slm_core.rag.splitting import LIMIT, OVERLAP, sentence_spans, split

MANUAL = """---
title: Flood manual
source: "Our own words"
date: 2026-11-22
---
Before everything.

# Water
Stay away.

## At home
Switch off the mains.

```sh
# no heading
```

# After
Air the rooms.
"""


def test_a_markdown_passage_knows_its_headings_line_source_and_date() -> None:
    passages = read_passages("manual.md", MANUAL.encode())
    assert [(p.heading, p.position) for p in passages] == [
        (("Flood manual",), "line 6"),
        (("Flood manual", "Water"), "line 9"),
        (("Flood manual", "Water", "At home"), "line 12"),
        (("Flood manual", "After"), "line 19"),
    ]
    assert {(p.source, p.date) for p in passages} == {("Our own words", "2026-11-22")}
    assert "# no heading" in passages[2].text


def test_underlined_headings_count_and_a_rule_between_paragraphs_does_not() -> None:
    passages = read_passages("a.md", "홍수\n===\n물.\n\n---\n\n대피\n---\n뛴다.\n".encode())
    assert [(p.heading, p.text) for p in passages] == [(("홍수",), "물.\n\n---"), (("홍수", "대피"), "뛴다.")]


def test_a_document_without_headings_is_called_by_its_file() -> None:
    (passage,) = read_passages("folder/대피 안내.txt", "높은 곳으로 갑니다.".encode())
    assert passage.heading == ("대피 안내",)


def test_ids_stay_when_other_passages_change_and_move_with_their_own_text() -> None:
    before = {p.text: p.id for p in read_passages("m.md", b"# A\none\n# B\ntwo\n")}
    after = {p.text: p.id for p in read_passages("m.md", b"# New\nzero\n# A\none\n# B\ntwo!\n")}
    assert after["one"] == before["one"]
    assert after["two!"] != before["two"]


def test_equal_passages_of_a_document_have_ids_of_their_own() -> None:
    passages = read_passages("m.md", b"# A\nsame\n# A\nsame\n")
    assert len({p.id for p in passages}) == 2


def test_a_long_korean_text_is_cut_at_sentence_ends_with_an_overlap() -> None:
    sentences = [f"{number}번 대피소의 문은 잠그지 않고 안내를 기다립니다." for number in range(60)]
    passages = read_passages("a.txt", " ".join(sentences).encode())
    assert len(passages) > 2
    assert all(len(p.text) <= LIMIT and p.text.endswith("니다.") for p in passages)
    for before, after in pairwise(passages):
        first = after.text.partition(". ")[0]
        assert first in before.text, "a passage begins with the last sentences of the one before"


def test_decimals_and_abbreviations_end_no_sentence_and_lines_do() -> None:
    text = "Level 3.5 m, e.g. at the dam. Go up!\n- 물러난다\n- 119"
    assert [text[a:b] for a, b in sentence_spans(text)] == [
        "Level 3.5 m, e.g. at the dam.",
        "Go up!",
        "- 물러난다",
        "- 119",
    ]


@settings(max_examples=50)
@given(st.text(alphabet="가나 다.a!\n\t”", max_size=300), st.integers(5, 40), st.integers(0, 20))
def test_pieces_are_bounded_and_together_hold_every_character(text: str, limit: int, overlap: int) -> None:
    spans = split(text, limit, overlap)
    assert all(0 < end - start <= limit for start, end in spans)
    assert all(a < b and c < d for (a, c), (b, d) in pairwise(spans)), "they move on"
    covered = {place for start, end in spans for place in range(start, end)}
    assert all(text[place].isspace() for place in set(range(len(text))) - covered)


def test_the_overlap_is_shorter_than_a_passage() -> None:
    assert OVERLAP < LIMIT / 2


def test_a_row_of_a_table_is_a_passage_with_its_headings() -> None:
    table = "id,disaster_type,title,content,tags,source\n7,지진,흔들릴 때,탁자 밑으로,x,안내\n8,지진,뒤,,,\n"
    (passage,) = read_passages("guides.csv", table.encode())
    assert (passage.heading, passage.text, passage.position) == (
        ("지진", "흔들릴 때"),
        "탁자 밑으로",
        "row 1",
    )
    assert passage.source == "안내"


def test_a_table_without_a_text_column_gives_its_cells_by_name() -> None:
    (passage,) = read_passages("shelters.tsv", "이름\t수용 인원\n옥계초\t300\n".encode())
    assert passage.text == "이름: 옥계초\n수용 인원: 300"


def test_an_old_korean_file_is_read() -> None:
    (passage,) = read_passages("old.txt", "산사태 경보".encode("cp949"))
    assert passage.text == "산사태 경보"


def test_hangul_in_pieces_is_composed() -> None:
    (passage,) = read_passages("mac.txt", "홍수".encode())
    (decomposed,) = read_passages("mac.txt", unicodedata.normalize("NFD", "홍수").encode())
    assert decomposed == passage


def pdf(*pages: str) -> bytes:
    """A PDF with one line a page, Hangul included: its font maps every code to the same Unicode character."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>"
        % (len(pages), b" ".join(b"%d 0 R" % (6 + 2 * n) for n in range(len(pages)))),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /F /Encoding /Identity-H"
        b" /DescendantFonts [4 0 R] /ToUnicode 5 0 R >>",
        b"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /F"
        b" /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>",
        _stream(
            b"begincmap 1 begincodespacerange <0000> <ffff> endcodespacerange"
            b" 1 beginbfrange <0000> <ffff> <0000> endbfrange endcmap"
        ),
    ]
    for number, line in enumerate(pages):
        page = b"<< /Type /Page /Parent 2 0 R /Resources << /Font << /F 3 0 R >> >> /Contents %d 0 R >>" % (
            7 + 2 * number
        )
        text = line.encode("utf-16-be").hex().encode()
        objects += [page, _stream(b"BT /F 12 Tf 9 9 Td <%s> Tj ET" % text if line else b"")]
    body, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n%s" % (count, table) + trailer


def _stream(content: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content)


def test_a_pdf_gives_its_pages() -> None:
    passages = read_passages("안내.pdf", pdf("높은 곳으로 대피합니다.", "", "Stay there."))
    assert [(p.text, p.position, p.heading) for p in passages] == [
        ("높은 곳으로 대피합니다.", "page 1", ("안내",)),
        ("Stay there.", "page 3", ("안내",)),
    ]


def test_bookmarks_of_a_pdf_are_headings() -> None:
    import io

    from pypdf import PdfWriter

    writer = PdfWriter(clone_from=io.BytesIO(pdf("one", "two", "three")))
    chapter = writer.add_outline_item(title="지진", page_number=1)
    writer.add_outline_item(title="After", page_number=2, parent=chapter)
    out = io.BytesIO()
    writer.write(out)
    headings = [p.heading for p in read_passages("m.pdf", out.getvalue())]
    assert headings == [("m",), ("m", "지진"), ("m", "지진", "After")]


def encrypted() -> bytes:
    import io

    from pypdf import PdfWriter

    writer = PdfWriter(clone_from=io.BytesIO(pdf("secret")))
    writer.encrypt("word", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.docx", b"x", ".docx is not among .md"),
        ("README", b"x", "no suffix is not among"),
        ("a.txt", b"\x00\x01\x02", "no text in UTF-8"),
        ("a.txt", b"\xff\xfe\x00\xd8", "no text in UTF-8"),
        ("a.md", b"# only a heading\n", "holds no text"),
        ("a.pdf", b"%PDF-1.7 broken", "pypdf cannot read it"),
        ("a.pdf", pdf("", ""), "no text on its 2 pages; is it a scan?"),
        ("a.pdf", encrypted(), "encrypted"),
        ("a.csv", b"", "no header"),
        ("a.csv", b"a,b\n1,2,3\n", "row 1 has 3 cells, the header 2"),
        ("a.csv", b'a,b\n"open,2\n', "line 2"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read_passages(name, data)
    assert reason in str(refused.value)


@settings(max_examples=50)
@given(st.sampled_from([".md", ".txt", ".csv", ".pdf"]), st.binary(max_size=200))
def test_no_bytes_break_a_reader(suffix: str, data: bytes) -> None:
    head = b"%PDF-1.7\n" if suffix == ".pdf" else b""
    try:
        passages = read_passages(f"x{suffix}", head + data)
    except Unreadable as refused:
        assert str(refused)
    else:
        assert passages and all(p.text.strip() and len(p.text) <= LIMIT for p in passages)


def test_the_number_of_a_step_is_no_sentence_of_its_own() -> None:
    text = "다음을 한다. 1. 문을 연다. 2. 나간다."
    assert [text[start:end] for start, end in sentence_spans(text)] == [
        "다음을 한다.",
        "1. 문을 연다.",
        "2. 나간다.",
    ]
