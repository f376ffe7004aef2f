"""Operations of DeepSpeed's that it compiles when training begins, unless it was installed with them, and what that
needs of a machine.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from trainspec.training.parallel.deepspeed_engine.library import PACKAGE

# Where it looks for a built one: the optimizer for the CPU, reads and writes without waiting.
ADAM, FILES = "ops/adam/cpu_adam_op", "ops/aio/async_io_op"
_LIMIT_SECONDS = 60


def lacking(operation: str) -> str | None:
    """What is not here and would have to be, as words; None where nothing is missing, so far as this can be told."""
    if _is_built(operation):
        return None
    # As torch finds it; words such as `ccache c++` are usual.
    compiler = os.environ.get("CXX") or "c++"
    program = next(iter(shlex.split(compiler)), "")
    if shutil.which(program) is None:
        return f"there is no compiler {program} on the PATH; the variable CXX names another"
    if shutil.which("ninja") is None:
        return "there is no ninja on the PATH"
    if operation == FILES and not links(compiler, "aio", "io_submit"):
        return "libaio, with which it is linked, is not found"
    return None


def _is_built(operation: str) -> bool:
    spec = find_spec(PACKAGE)
    folders = [] if spec is None else spec.submodule_search_locations or []
    return any(any(Path(folder).glob(f"{operation}*.so")) for folder in folders)


def links(compiler: str, library: str, function: str) -> bool:
    """Whether a program that calls the function links, with CFLAGS and LDFLAGS: DeepSpeed asks the same."""
    flags = [shlex.split(os.environ.get(name, "")) for name in ("CFLAGS", "LDFLAGS")]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "asks.c")
        program.write_text(f"void {function}(void); int main(void) {{ {function}(); return 0; }}\n")
        words = [*shlex.split(compiler), *flags[0], "-x", "c", str(program), "-o", str(Path(folder, "asks")), *flags[1]]
        try:
            done = subprocess.run([*words, f"-l{library}"], capture_output=True, timeout=_LIMIT_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done.returncode == 0
