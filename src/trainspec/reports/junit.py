"""JUnit XML: one test case a document, a failure for each error in it; what cannot be read is an error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

from trainspec.reports.report import Manner, Report, details
from trainspec.settings.diagnostics import Diagnostic
from trainspec.text.redaction import printable

_SUITE = "trainspec validate"


def render(reports: Sequence[Report], manner: Manner) -> str:
    """The whole report as ASCII, which is right whatever encoding it is written in."""
    counts = {"tests": len(reports), "failures": 0, "errors": 0, "skipped": 0}
    suites = ElementTree.Element("testsuites", name="trainspec")
    suite = ElementTree.SubElement(suites, "testsuite", name=_SUITE)
    for report in reports:
        name = printable(manner.path(report.file) if report.of_file else report.file)
        under = "".join(f"{printable(manner.path(file))}, " for file in report.under)
        case = ElementTree.SubElement(suite, "testcase", classname=_SUITE, name=under + _title(report, name), time="0")
        if report.of_file:
            case.set("file", name)
        for tag, item in _sorted_out(report, manner):
            if tag in ("failure", "error"):
                counts[f"{tag}s"] += 1
                headline = _clean(f"{item.code} {item.message}")
                ElementTree.SubElement(case, tag, type=item.code, message=headline).text = _clean(details(item))
        notes = [item for tag, item in _sorted_out(report, manner) if tag == "system-out"]
        if notes:
            ElementTree.SubElement(case, "system-out").text = _clean("\n\n".join(item.render() for item in notes))
    for element in (suites, suite):
        element.attrib.update({name: str(number) for name, number in counts.items()})
    ElementTree.indent(suites)
    text = ElementTree.tostring(suites, encoding="us-ascii", xml_declaration=False).decode("ascii")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'


def _title(report: Report, name: str) -> str:
    return f"{name} (document {report.number})" if report.number > 1 else name


def _sorted_out(report: Report, manner: Manner) -> Iterator[tuple[str, Diagnostic]]:
    """Each diagnostic with the element that says it: one test case may fail, err or only have something to note."""
    for item in report.diagnostics:
        if item.severity == "note":
            yield "system-out", item
        elif item.severity == "warning":
            yield ("failure" if manner.strict else "system-out"), item
        else:
            yield ("error" if item.code in _UNREADABLE else "failure"), item


_UNREADABLE = frozenset({"SRC105", "SRC106", "SRC111", "SRC114"})


def _clean(text: str) -> str:
    """The text without the characters that XML has no way to write."""
    return "\n".join(printable(line) for line in text.split("\n"))
