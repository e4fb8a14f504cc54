"""The page that predicts in the browser: assembled with a model, written, or served locally."""

from leadline.web.local_server import HEADERS, media_type, open_server
from leadline.web.page import page_files, write_page

__all__ = ["HEADERS", "media_type", "open_server", "page_files", "write_page"]
