"""What people put into a text beyond words: tables, pictures, Markdown, found and replaced words, files; and old texts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.support.server import CollabServer

pytest.importorskip("playwright.sync_api")

from playwright.sync_api import Page, expect

from tests.browser.pages import OpenPage, Screenshot, operate, saved, wait_for, write
from tests.browser.test_access import axe


def open_text(open_page: OpenPage, server: CollabServer, document: str, **options: Any) -> Page:
    page = open_page(f"{server.url}/d/{document}?kind=text", **options)
    saved(page)
    page.locator(".ProseMirror").click()
    return page


def paste(page: Page, text: str = "", html: str = "") -> None:
    """Paste as from another program."""
    page.evaluate(
        """([text, html]) => {
            const data = new DataTransfer()
            if (text !== '') data.setData('text/plain', text)
            if (html !== '') data.setData('text/html', html)
            document.querySelector('.ProseMirror').dispatchEvent(
                new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))
        }""",
        [text, html],
    )


MARKDOWN = """# Birds

Some **bold**, *slanted* and `code`, see [the list](https://birds.example/a) or [this](javascript:alert(1)).

- one
  - inner
- two

1. first
2. second

- [ ] todo
- [x] done

> said

| Bird | Where |
| --- | --- |
| Heron | river |

```py
print(1)
```

---

#### Four
"""


def test_markdown_that_is_pasted_is_what_it_says_and_comes_out_as_it_went_in(
    shared_server: CollabServer, open_page: OpenPage
) -> None:
    page = open_text(open_page, shared_server, "pasted-markdown")
    paste(page, MARKDOWN)
    editor = page.locator(".ProseMirror")
    for place, words in (
        ("h1", "Birds"), ("h4", "Four"), ("strong", "bold"), ("em", "slanted"), ("p > code", "code"), ("ul ul > li", "inner"),
        ("ol > li >> nth=1", "second"), ("li[data-checked=false]", "todo"), ("li[data-checked=true]", "done"),
        ("blockquote", "said"), ("th >> nth=1", "Where"), ("td >> nth=0", "Heron"), ("pre", "print(1)"),
    ):  # fmt: skip
        expect(editor.locator(place)).to_have_text(words)
    expect(editor.locator("hr")).to_have_count(1)
    expect(editor.locator("a")).to_have_count(1)
    expect(editor.locator("a")).to_have_attribute("href", "https://birds.example/a")
    # The title is what the text calls itself, until somebody names it.
    expect(page.locator(".title")).to_have_value("Birds")
    files: dict[str, str] = {}
    for name in ("Markdown", "HTML", "text"):
        page.get_by_label("Menu").click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=f"Download as {name}").click()
        files[download.value.suggested_filename] = Path(download.value.path()).read_text()
    assert set(files) == {"Birds.md", "Birds.html", "Birds.txt"}
    out = files["Birds.md"]
    kept = MARKDOWN.replace("[this](javascript:alert(1))", "\\[this\\](javascript:alert(1))")
    assert re.sub(r"\s+", " ", out).strip() == re.sub(r"\s+", " ", kept).strip()
    assert "<h1" in files["Birds.html"] and "javascript:" not in re.sub(
        r"<[^a][^>]*>|[^<>]*(?=<)", "", files["Birds.html"]
    )
    assert "- [x] done" not in files["Birds.txt"].split("\n")[0] and "[x] done" in files["Birds.txt"]
    page.locator(".title").fill("Named")
    page.keyboard.press("Enter")
    expect(page).to_have_title("Named - collab")


@pytest.mark.parametrize("size", [0, 149_600], ids=["little", "much"])
def test_pasted_html_never_becomes_live(shared_server: CollabServer, open_page: OpenPage, size: int) -> None:
    page = open_text(open_page, shared_server, f"evil-html-{size}")
    page.evaluate("() => { window.alerted = 0; window.alert = () => { window.alerted += 1 } }")
    evil = """<p onclick="alert(1)">words</p><img src=x onerror="alert(1)"><a href="javascript:alert(1)">one</a>
        <a href=" java&#9;script:alert(1)">two</a><a href="data:text/html,<script>alert(1)</script>">three</a>
        <svg onload="alert(1)"><a href="javascript:alert(1)">x</a></svg><script>alert(1)</script><iframe src="javascript:alert(1)">
        </iframe><img src="https://elsewhere.example/a.png" alt="a bird"><p style="position:fixed">end</p>
        <a href="https://birds.example">fine</a>"""
    # Much is read in pieces, and what does harm stands on the edge of one, too.
    paste(page, "words", "<p>a long text</p>" * (size // 18) + evil)
    editor = page.locator(".ProseMirror")
    expect(editor).to_contain_text("end")
    expect(
        editor.locator("img:not(.ProseMirror-separator), script, iframe, svg, [onclick], [onerror], [style*=fixed]")
    ).to_have_count(0)
    assert editor.locator("a").evaluate_all("(links) => links.map((link) => link.href)") == [
        "https://elsewhere.example/a.png",
        "https://birds.example/",
    ]
    assert page.evaluate("window.alerted") == 0


def test_a_table_is_made_by_slash_and_grows(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    ann = open_text(open_page, shared_server, "table", name="Ann")
    ben = open_text(open_page, shared_server, "table", name="Ben")
    ann.locator(".ProseMirror").click()
    ann.keyboard.type("/tab")
    expect(ann.get_by_role("option")).to_have_text("Table")
    ann.keyboard.press("Enter")
    ann.keyboard.type("Bird")
    ann.keyboard.press("Tab")
    ann.keyboard.type("Where")
    ann.keyboard.press("Tab")
    ann.keyboard.type("When")
    expect(ben.locator("th >> nth=2")).to_have_text("When")
    assert axe(ann, "text with a table") == []
    bar = ann.get_by_role("toolbar", name="Table")
    bar.get_by_role("button", name="Row below").click()
    bar.get_by_role("button", name="Column after").click()
    expect(ben.locator("tr")).to_have_count(4)
    expect(ben.locator("tr >> nth=0").locator("th")).to_have_count(4)
    bar.get_by_role("button", name="Table", exact=True).click()
    ann.get_by_role("menuitem", name="Delete column").click()
    expect(ben.locator("tr >> nth=0").locator("th")).to_have_count(3)
    screenshot(ann, "text-table")
    # Slash that is meant: Escape leaves it.
    bar.get_by_role("button", name="Delete table").click()
    expect(ben.locator("table")).to_have_count(0)
    ann.keyboard.type("/")
    expect(ann.locator(".slash-menu")).to_be_visible()
    ann.keyboard.press("Escape")
    ann.keyboard.type("x")
    expect(ben.locator(".ProseMirror")).to_have_text("/x")


def test_words_are_found_and_replaced(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    page = open_text(open_page, shared_server, "find")
    page.keyboard.type("The heron saw a Heron.\nheron **heron** end")
    page.keyboard.press("Control+f")
    panel = page.get_by_role("search", name="Find and replace")
    panel.get_by_role("textbox", name="Find").fill("heron")
    expect(page.locator(".found")).to_have_count(4)
    expect(panel.get_by_role("status")).to_have_text(re.compile("/ 4$"))
    screenshot(page, "text-find")
    assert axe(page, "find and replace") == []
    panel.get_by_role("button", name="Match case").click()
    expect(page.locator(".found")).to_have_count(3)
    panel.get_by_role("textbox", name="Replace with").fill("stork")
    panel.get_by_role("button", name="Replace all").click()
    expect(panel.get_by_role("status")).to_have_text("3 replaced")
    expect(page.locator(".ProseMirror p")).to_have_text(["The stork saw a Heron.", "stork stork end"])
    expect(page.locator(".ProseMirror strong")).to_have_text("stork")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    page.keyboard.press("Control+z")
    expect(page.locator(".ProseMirror p")).to_have_text(["The heron saw a Heron.", "heron heron end"])


def test_a_picture_is_resized(shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot) -> None:
    ann = open_text(open_page, shared_server, "resized", name="Ann")
    ben = open_text(open_page, shared_server, "resized", name="Ben")
    ann.evaluate(
        """async () => {
            const canvas = new OffscreenCanvas(400, 200)
            canvas.getContext('2d').fillRect(0, 0, 400, 200)
            const files = new DataTransfer()
            files.items.add(new File([await canvas.convertToBlob()], 'dark.png', { type: 'image/png' }))
            document.querySelector('.ProseMirror').dispatchEvent(
                new ClipboardEvent('paste', { clipboardData: files, bubbles: true, cancelable: true }))
        }"""
    )
    frame = ann.locator(".picture-frame")
    frame.click()
    box = ann.locator(".picture-grip.end").bounding_box()
    assert box is not None
    ann.mouse.move(box["x"] + 3, box["y"] + 10)
    ann.mouse.down()
    ann.mouse.move(box["x"] - 97, box["y"] + 10, steps=4)
    screenshot(ann, "text-picture")
    ann.mouse.up()
    expect(ben.locator(".picture-frame")).to_have_css("width", "300px")
    ann.keyboard.press("Control+z")
    expect(ben.locator(".picture-frame")).to_have_css("width", "400px")


def test_every_line_finds_its_direction_and_paper_shows_the_text_alone(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    page = open_text(open_page, shared_server, "directions")
    paste(
        page,
        "# ציפורי הנהר\n\nהאנפה עמדה בשקט שעה שלמה, ואז heron עפה.\n\n- משקפת\n- מחברת\n\nThe heron stood still.\n\n"
        + "\n\n".join(f"Paragraph {i} of a text that is longer than a sheet, and goes on." for i in range(80)),
    )
    editor = page.locator(".ProseMirror")
    expect(editor.locator("p").last).to_contain_text("Paragraph 79")
    for place, direction in (
        ("h1", "rtl"),
        ("p >> nth=0", "rtl"),
        ("li >> nth=0", "rtl"),
        ("p >> text=The heron", "ltr"),
    ):
        expect(editor.locator(place)).to_have_css("direction", direction)
    page.locator(".text-scroller").evaluate("(element) => element.scrollTo(0, 0)")
    screenshot(page, "text-right-to-left")
    page.emulate_media(media="print")
    expect(page.locator(".top-bar")).to_be_hidden()
    expect(page.locator(".text-count")).to_be_hidden()
    # As many sheets as it needs: an A4 page has about fifty lines.
    assert page.pdf(format="A4").count(b"/Type /Page\n") >= 3


# -- texts of the editor before ---------------------------------------------------------------------

OLD: list[dict[str, Any]] = [
    {"op": "map.set", "path": "/meta/kind", "value": "text"},
    {"op": "text.insert", "path": "/body", "index": 0, "text": "Birds\nThe heron stood still.\none\ntwo\n"},
    {"op": "text.format", "path": "/body", "index": 5, "length": 1, "attributes": {"header": 1}},
    {"op": "text.format", "path": "/body", "index": 22, "length": 5, "attributes": {"bold": True}},
    {"op": "text.format", "path": "/body", "index": 32, "length": 1, "attributes": {"list": "bullet"}},
    {"op": "text.format", "path": "/body", "index": 36, "length": 1, "attributes": {"list": "bullet"}},
]


def test_an_old_text_is_carried_over_once_by_two_pages_at_once(
    shared_server: CollabServer, open_page: OpenPage, screenshot: Screenshot
) -> None:
    name = "old-text"
    operate(shared_server, name, OLD)
    request = Request(
        f"{shared_server.url}/api/v1/documents/{name}/versions",
        method="POST",
        data=b'{"name": "Before"}',
        headers={"Content-Type": "application/json"},
    )
    urlopen(request, timeout=30).close()
    pages = [open_page(f"{shared_server.url}/d/{name}", name=person) for person in ("Ann", "Ben", "Cleo")]
    for page in pages:
        expect(page.locator(".ProseMirror h1")).to_have_text("Birds")
        saved(page)
    for page in pages:
        expect(page.locator(".ProseMirror strong")).to_have_text("still")
        expect(page.locator(".ProseMirror li")).to_have_text(["one", "two"])
        expect(page.locator(".ProseMirror > *")).to_have_count(3)
    ann, ben, _ = pages
    write(ann, "three")
    expect(ben.locator(".ProseMirror li")).to_have_text(["one", "twothree"])
    saved(ann)
    # The version from before is shown, and brought back: its words are carried over again.
    ann.get_by_role("button", name="Versions", exact=True).click()
    ann.locator(".version button", has_text="Before").click()
    expect(ann.locator(".version-preview h1")).to_have_text("Birds")
    expect(ann.locator(".version-preview li")).to_have_text(["one", "two"])
    screenshot(ann, "text-old-version")
    ann.get_by_role("button", name="Restore").click()
    ann.locator("dialog").get_by_role("button", name="Restore").click()
    for page in pages:
        expect(page.locator(".ProseMirror li")).to_have_text(["one", "two"])
        expect(page.locator(".ProseMirror > *")).to_have_count(3)
    write(ben, "!")
    wait_for(lambda: ann.locator(".ProseMirror li").all_inner_texts() == ["one", "two!"], "edits go on")


# -- much at once -----------------------------------------------------------------------------------

FRAMES = """() => {
    window.longest = 0
    let last = performance.now()
    const tick = (now) => {
        window.longest = Math.max(window.longest, now - last)
        last = now
        requestAnimationFrame(tick)
    }
    requestAnimationFrame(tick)
}"""
SENTENCE = "The heron stood still for an hour and nobody saw it move at all today. "


#: as what it is pasted -> paragraphs, and sentences in each
MUCH = {"200 KB": (400, 7), "lines": (20_000, 1), "styled": (8_000, 0), "5 MB": (10_000, 7), "styled 5 MB": (8_000, 8)}


@pytest.mark.parametrize("kind", MUCH)
def test_much_that_is_pasted_freezes_nothing_and_goes_at_once(
    shared_server: CollabServer, open_page: OpenPage, kind: str
) -> None:
    """20,000 plain lines once took 68 s of a frozen page, 8,000 styled paragraphs 24 s. On a quiet machine no frame takes 200 ms."""
    count, sentences = MUCH[kind]
    page = open_text(open_page, shared_server, f"much-{kind}".replace(" ", "-"))
    if kind.startswith("styled"):
        one = "<p>No. <b>{0}</b> with <i>style</i>, <a href='https://a.example/{0}'>link</a>" + SENTENCE * sentences
        clip = {"text/plain": "x", "text/html": "".join(one.format(n) for n in range(count))}
    else:
        clip = {"text/plain": "\n".join(f"{number} {SENTENCE * sentences}" for number in range(count))}
    # The clipboard is filled before anything is measured: reading megabytes of a test's message is not pasting.
    page.evaluate(
        """(clip) => {
            window.clip = new DataTransfer()
            for (const type in clip) window.clip.setData(type, clip[type])
        }""",
        clip,
    )
    page.evaluate(FRAMES)
    page.evaluate(
        """() => document.querySelector('.ProseMirror').dispatchEvent(
            new ClipboardEvent('paste', { clipboardData: window.clip, bubbles: true, cancelable: true }))"""
    )
    # Not by `expect`, which describes the whole page with every look, and freezes it.
    toasts = "() => document.querySelector('.toasts')?.textContent ?? ''"
    blocks = "() => document.querySelectorAll('.ProseMirror > p').length"
    if kind == "200 KB":  # there sooner than anything can be said of it
        wait_for(lambda: page.evaluate(blocks) == count, "all of it is in", 100)
    else:
        wait_for(lambda: "Pasting" in page.evaluate(toasts), "one is told how far it is", 30)
        wait_for(lambda: "Pasted." in page.evaluate(toasts), "all of it is in", 100)
    assert page.evaluate(blocks) == count
    print(f"{kind}: longest frame {page.evaluate('longest'):.0f} ms")
    assert page.evaluate("longest") < 4_000, "as a sum of what the machine has to do besides"
    stored = "() => document.querySelector('.pill-words').textContent.startsWith('Saved')"
    wait_for(lambda: page.evaluate(stored), "all of it is saved", 100)
    page.evaluate("() => { window.longest = 0 }")
    page.locator(".ProseMirror").focus()
    page.keyboard.press("Control+z")
    wait_for(lambda: page.evaluate(blocks) == 1, "all of it is undone", 100)
    print(f"{kind} undone: longest frame {page.evaluate('longest'):.0f} ms")
    wait_for(lambda: page.evaluate(stored), "that is saved too", 100)
