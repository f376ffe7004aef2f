"""No token is ever in a link, whatever its shape and wherever in a document it stands."""

from __future__ import annotations

import json

import pytest
from tests.service.page.conftest import Visit
from tests.service.page.test_share import held, link

TOKENS = {
    "Hugging Face": "hf_abcdefghijklmnopqrstuvwxyz01234567",
    "GitHub": "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "AWS": "AKIAIOSFODNN7EXAMPLE",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "a URL's credentials": "https://user:hunter2xyz@host.example/x",
    "an argument": "password=hunter2xyz",
}
PLACES = {
    "a value": "run_name: {}\n",
    "a value in quotes": 'output_dir: "{}"\n',
    "a comment": "seed: 1 # {}\n",
    "a line of comment": "# {}\nseed: 1\n",
    "a list": 'report_to: ["{}"]\n',
    "a mapping": 'lr_scheduler_kwargs: {{a: "{}"}}\n',
    "arguments of the optimizer": 'optim_args: "{}"\n',
    "several lines": "run_name: |\n  a\n  {}\n",
    "a key": '"{}": 1\nseed: 1\n',
    "a key inside": 'lr_scheduler_kwargs: {{"{}": 1}}\n',
    "an unknown key": "wandb_key: {}\nseed: 1\n",
}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_no_token_is_in_a_link(token: str, visit: Visit) -> None:
    page = visit.page
    secret = token.removeprefix("password=").removeprefix("https://user:").removesuffix("@host.example/x")
    for place, text in PLACES.items():
        page.evaluate("history.replaceState(null, '', location.pathname)")
        visit.paste(f"{text.format(token)}# kept\n")
        page.evaluate("navigator.clipboard.writeText('')")
        page.get_by_role("button", name="Copy link").click()
        visit.settle()
        address = page.url
        told = page.locator(".notice").inner_text()
        assert secret not in address + told, place
        if "#d=" in address:
            assert secret not in json.dumps(held(address)), place
        else:
            assert "No link" in told, place
    # And none was sent to anybody but the service, nor in an address.
    assert not [url for url, _ in visit.sent if secret in url]


def test_what_is_no_secret_is_in_it(visit: Visit) -> None:
    visit.paste("# kept\nrun_name: abc # kept, too\noptim_args: fused=true\n")
    assert held(link(visit))["text"] == "# kept\nrun_name: abc # kept, too\noptim_args: fused=true\n"
