"""Make the golden lists of files anew: which files each variant has. Review their diff like code."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tools.checks import GOLDEN, files_of
from tools.render import fast_copier, render, take_snapshot
from tools.variants import find_variants


def main() -> int:
    """Render every variant and write its list; lists of variants that no longer exist are removed."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for stale in GOLDEN.glob("*.files"):
        stale.unlink()
    with tempfile.TemporaryDirectory() as scratch, fast_copier():
        template = take_snapshot(Path(scratch, "template"))
        for variant in find_variants():
            project = Path(scratch, variant.id)
            render(template, project, variant.answers)
            files = [path.as_posix() for path in files_of(project)]
            (GOLDEN / f"{variant.id}.files").write_text("\n".join(files) + "\n", "utf-8")
            print(f"{variant.id}: {len(files)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
