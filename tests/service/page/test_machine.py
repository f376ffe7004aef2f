"""A machine that nobody knows is told of, and hides nothing of what is wrong with the document."""

from __future__ import annotations

from tests.service.page.conftest import Visit, codes, squiggled


def test_an_unknown_machine_hides_no_finding(visit: Visit) -> None:
    visit.write("sede: 3\n")
    visit.page.get_by_label("Machine").first.fill("foo")
    visit.page.get_by_label("Machine").first.press("Tab")
    visit.settle()
    assert codes(visit.page) == ["SRC102", "CLI103"] and squiggled(visit.page) == ["sede"]
    visit.page.get_by_label("Machine").first.fill("h100x8")
    visit.page.get_by_label("Machine").first.press("Tab")
    visit.settle()
    assert codes(visit.page) == ["SRC102"]
