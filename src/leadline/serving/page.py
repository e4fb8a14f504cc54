"""What `GET /` shows."""

from __future__ import annotations

from html import escape

_PLAIN = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Leadline</title>
<style>
:root {{ color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }}
body {{ max-width: 42rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ overflow: auto }}
</style>
<h1>Leadline: one photograph in, metres out</h1>
<p>This server answers <code>POST /v1/depth</code> with the depth of a photograph in metres, by
{models}.</p>
<pre>curl -F file=@photo.jpg -o depth.png URL/v1/depth
curl -F file=@photo.jpg -o color.png 'URL/v1/depth?format=color-png'</pre>
<p>Its parameters and formats: <a href="openapi.json">openapi.json</a>. There is a page to drop
photographs on, which is not installed here: <code>pip install 'leadline[web]'</code>.</p>
</html>
"""


def plain_page(models: list[str]) -> str:
    """Return the page of a server without `leadline[web]`."""
    return _PLAIN.format(models=", ".join(f"<code>{escape(name)}</code>" for name in models))
