"""The declaration names every setting with its type, and the real compiler takes and refuses what it should.

The compiler is where `make editor-tools` puts it; without it, only the text is looked at.
"""

import re
import shutil
import subprocess
from enum import Enum
from pathlib import Path

import pytest
from pydantic import BaseModel

from trainspec import TrainingArguments
from trainspec.export.typescript import render
from trainspec.settings.sources.renames import ORGANIZATION, REMOVED, RENAMED

TEXT = render()
ROOT = Path(__file__).parents[2]
TSC = shutil.which("tsc", path=str(ROOT / "tests/editor/node_modules/.bin")) or shutil.which("tsc")


class Flavour(Enum):
    PLAIN = "plain"


class Nested(BaseModel):
    depth: int = 1


class Extended(TrainingArguments):
    """Settings of a team."""

    rank: int
    flavour: Flavour = Flavour.PLAIN
    nested: Nested | None = None
    scores: dict[str, float] | None = None


def interface(text: str, name: str) -> str:
    return text.partition(f"export interface {name} {{\n")[2].partition("\n}")[0]


def test_every_setting_and_every_old_name_is_an_optional_property() -> None:
    keys = re.findall(r"(?m)^  ([\w$]+)\?:", interface(TEXT, "TrainingArguments"))
    assert set(keys) == {*TrainingArguments.model_fields, *RENAMED, *REMOVED, ORGANIZATION, "$schema", "task"}
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    "line",
    [
        "  seed?: number;",
        "  bf16?: boolean | null;",
        "  output_dir?: string | null;",
        "  run_name?: string | null;",
        "  lr_scheduler_type?: SchedulerType;",
        '  optim?: OptimizerNames | "adamw_hf" | "adamw";',
        "  label_names?: Array<string> | null;",
        "  fsdp_config?: FSDPConfig | string | null;",
        "  lr_scheduler_kwargs?: Record<string, unknown> | string | null;",
        "  parallelism_config?: ParallelismConfig | string | null;",
    ],
)
def test_a_setting_has_its_type(line: str) -> None:
    assert line in interface(TEXT, "TrainingArguments").splitlines()


def test_choices_are_a_union_with_their_descriptions() -> None:
    declared = TEXT.partition("export type SchedulerType =")[2].partition(";")[0]
    assert '  /** Down to 0 along half a cosine, after warmup. */\n  | "cosine"\n' in declared


def test_comments_say_what_a_person_wants_to_know() -> None:
    comment = interface(TEXT, "TrainingArguments").partition("\n  seed?:")[0].rpartition("/**")[2]
    assert "Seed of python" in comment and "@default 42" in comment and "Bounds: >= 0, < 4294967296." in comment
    assert "/** @deprecated Old name of use_cpu: write use_cpu. */\n  no_cuda?:" in TEXT


def test_lines_are_short() -> None:
    assert max(map(len, TEXT.splitlines())) <= 120


def test_a_subclass_has_its_own_settings_in_it() -> None:
    text = interface(render(Extended), "Extended")
    assert "  rank: number;" in text and '  flavour?: "plain";' in text
    assert "  nested?: Nested | string | null;" in text
    assert "  scores?: Record<string, number> | string | null;" in text


USE = """\
import type { FSDPConfig, SchedulerType, TrainingArguments } from "./trainspec";

const schedule: SchedulerType = "cosine";
const sharding: FSDPConfig = { version: 2, transformer_layer_cls_to_wrap: ["Block"] };
export const settings: TrainingArguments = {
  output_dir: "runs/1", seed: 7, bf16: true, lr_scheduler_type: schedule, fsdp_config: sharding, save_total_limit: null,
  report_to: ["jsonl", "plot"], optim: "adamw_hf", no_cuda: true, task: { width: 64 },
};
// @ts-expect-error a misspelled setting
export const misspelled: TrainingArguments = { lerning_rate: 1 };
// @ts-expect-error another type
export const quoted: TrainingArguments = { seed: "7" };
// @ts-expect-error no choice
export const unheard: TrainingArguments = { lr_scheduler_type: "cosinus" };
// @ts-expect-error a misspelled key of a section
export const nested: TrainingArguments = { fsdp_config: { versions: 2 } };
// @ts-expect-error no generation
export const generation: FSDPConfig = { version: 3 };
"""


@pytest.mark.skipif(TSC is None, reason="there is no TypeScript compiler; make editor-tools fetches one")
@pytest.mark.parametrize("model", [TrainingArguments, Extended])
def test_the_compiler_takes_it(model: type[TrainingArguments], tmp_path: Path) -> None:
    (tmp_path / "trainspec.d.ts").write_text(render(model))
    used = (
        USE if model is TrainingArguments else 'import type { Extended } from "./trainspec";\nexport type E = Extended;'
    )
    (tmp_path / "use.ts").write_text(used)
    options = ["--noEmit", "--strict", "--target", "es2020", "--lib", "es2020", "--moduleResolution", "node10"]
    done = subprocess.run(
        [str(TSC), *options, "trainspec.d.ts", "use.ts"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
