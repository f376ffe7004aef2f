"""DeepSpeed's configurations as people keep them: JSON with comments, which stand in nothing's way and move nothing."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainspec import TrainingArguments, validate
from trainspec.settings.sources.formats.json_comments import blanked

COMMENTED = """// ours, for eight cards
{
  "zero_optimization": {"stage": 2}, // see https://example.org/zero
  /* the sizes
     are filled in */
  "train_micro_batch_size_per_gpu": "auto",
  "gradient_clipping": 0.5
}
"""


def test_comments_are_read_over_and_move_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ds.json"
    path.write_text(COMMENTED)
    verdict = validate({"deepspeed": str(path), "max_grad_norm": 0.5})
    assert verdict.ok and verdict.settings.deepspeed.zero_optimization.stage == 2
    path.write_text(COMMENTED.replace("0.5", "-1"))
    (found,) = validate({"deepspeed": str(path)}).errors
    assert found.source is not None and (found.source.line, found.source.column) == (7, 3)


def test_a_document_of_settings_is_json_as_it_was() -> None:
    with pytest.raises(ValueError, match="SRC107"):
        TrainingArguments.from_json('{"seed": 1} // mine')


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_text_is_never_taken_for_a_comment(value: dict[str, object]) -> None:
    text = json.dumps(value, indent=1)
    assert blanked(text) == text
    commented = text.replace("\n", " // {\n") + '/* " */'
    assert json.loads(blanked(commented)) == value and len(blanked(commented)) == len(commented)
