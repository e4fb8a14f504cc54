"""Check every link of a built site: files that are not there, names that no page has.

Run it as  python scripts/check_site.py out/site . It prints what leads nowhere; its status is
then 1. Addresses of other hosts are not followed; to load something from one is a fault.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADING = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src")}


class Page(HTMLParser):
    """The names that a page has, and what it links to and loads."""

    def __init__(self, text: str):
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note names and links."""
        for key, value in attrs:
            if key in ("id", "name") and value:
                self.names.add(value)
            elif (tag, key) in LOADING and value:
                self.loads.append(value)
            elif (tag, key) == ("a", "href") and value:
                self.links.append(value)


def dead_links(site: Path) -> tuple[list[str], int]:
    """Return what leads nowhere, a line each, and how many links were followed."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    dead, followed = [], 0
    for path, page in pages.items():
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme in ("data", "mailto"):
                continue
            if parts.netloc:
                if link in page.loads:
                    dead.append(f"{path.relative_to(site)}: loads {link}")
                continue
            followed += 1
            place = unquote(parts.path)
            start = site if place.startswith("/") else path.parent  # 404.html counts from the top
            target = (start / place.lstrip("/")).resolve() if place else path
            if target.is_dir():
                target = target / "index.html"
            name = unquote(parts.fragment)
            has_name = not name or target not in pages or name in pages[target].names
            if not (target.is_file() and has_name):
                dead.append(f"{path.relative_to(site)}: {link}")
    return dead, followed


def main() -> int:
    """Check the site named on the command line."""
    dead, followed = dead_links(Path(sys.argv[1]).resolve())
    print(*dead, f"{followed} links followed, {len(dead)} dead", sep="\n")
    return 1 if dead or not followed else 0


if __name__ == "__main__":
    sys.exit(main())
