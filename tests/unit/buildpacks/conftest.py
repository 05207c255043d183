"""The buildpacks' own modules: they lie beside their programs, which find them there, and are imported as those do."""

import sys
from pathlib import Path

PACKS = Path(__file__).resolve().parents[3] / "buildpacks"
sys.path[:0] = [str(PACKS / name) for name in ("lib", "apt/lib", "go/lib", "python/lib")]
