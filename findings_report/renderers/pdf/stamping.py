"""The confined side of a page that is put onto another one: HTML in, a PDF out that has nothing but its page and its fonts."""

from __future__ import annotations

from collections.abc import Mapping

from weasyprint import HTML

from findings_report.renderers.pdf.child import Assets, Fonts, listened, prepare

__all__ = ["prepare", "serve"]


def serve(request: Mapping[str, object], blobs: Mapping[str, bytes]) -> tuple[dict[str, object], dict[str, bytes]]:
    """One page to one PDF, the blob `pdf`, as `child.listened` tells it."""
    return listened(request, blobs, _draw)


def _draw(page: str, assets: Assets) -> dict[str, bytes]:
    return {"pdf": HTML(string=page, base_url=None, url_fetcher=assets).write_pdf(font_config=Fonts(assets))}
