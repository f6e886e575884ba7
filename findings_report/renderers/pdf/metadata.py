"""The XMP packet of a PDF: what it is, and which parts of PDF/A and PDF/UA it follows. Pure: values in, XML out.

Source: ISO 16684-1 (XMP); ISO 19005-3, 6.6 (PDF/A-3); ISO 14289-1, 5 (PDF/UA-1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import escape

_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DATE: Final = re.compile(r"D:(\d{4})(\d\d)(\d\d)")

_PACKET: Final = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"
 xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">
{properties}
</rdf:Description>{extension}
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""

# PDF/A takes only properties that it knows or that the file itself describes (6.6.2.3); those of PDF/UA it does not know.
_UA_EXTENSION: Final = """
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>Part of ISO 14289 that the file follows</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>"""


def packet(information: Mapping[str, str], language: str, *, is_tagged: bool, is_archival: bool = True) -> bytes:
    """The packet of a file that follows PDF/A-3 at level A, and PDF/UA-1, when it is tagged; else PDF/A-3 at level U.

    Without `is_archival` it does not say that it follows PDF/A.

    `information` is the PDF's own: Title, Author, Subject, Keywords, Creator, Producer, CreationDate, those that it has.
    """
    lines = []
    if is_archival:
        lines += ["<pdfaid:part>3</pdfaid:part>", f"<pdfaid:conformance>{'A' if is_tagged else 'U'}</pdfaid:conformance>"]
    if is_tagged:
        lines.append("<pdfuaid:part>1</pdfuaid:part>")
    lines.append("<dc:format>application/pdf</dc:format>")
    lines += [line.format(_text(information[name])) for name, line in _LINES.items() if information.get(name)]
    if created := _DATE.match(information.get("CreationDate", "")):
        lines.append(f"<xmp:CreateDate>{'-'.join(created.groups())}</xmp:CreateDate>")
    if language:
        lines.append(f"<dc:language><rdf:Bag><rdf:li>{_text(language)}</rdf:li></rdf:Bag></dc:language>")
    return _PACKET.format(properties="\n".join(lines), extension=_UA_EXTENSION if is_tagged else "").encode()


_LINES: Final = {
    "Title": '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:title>',
    "Author": "<dc:creator><rdf:Seq><rdf:li>{}</rdf:li></rdf:Seq></dc:creator>",
    "Subject": '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li></rdf:Alt></dc:description>',
    "Keywords": "<pdf:Keywords>{}</pdf:Keywords>",
    "Creator": "<xmp:CreatorTool>{}</xmp:CreatorTool>",
    "Producer": "<pdf:Producer>{}</pdf:Producer>",
}
"""What each piece of information is in XMP, in the order it is written."""


def _text(value: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", value))
