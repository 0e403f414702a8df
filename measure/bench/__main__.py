"""`python -m measure.bench [--quick]`: the tables of docs/performance.md, and build/bench.json.

Every sample is a fresh process; contestants take turns (A B C, A B C, ...), so that a busy
neighbour hits all of them; what counts is the median of the ratios within each round.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean, median
from typing import Any

from PIL import __version__ as pillow_version

from upload_workflow.image.resample import SIMD

from . import startup
from .photos import JPEGS, OTHERS, SECOND_PHOTOS, photos
from .quality import ssim_of_renditions
from .sample import CONTESTANTS

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build"
SHARP_VERSION = "0.35.5"
WARM_RUNS = 7

OURS = "ours" if SIMD else "ours, stock Pillow"
FENCED, UNFENCED = "worker, fenced", "worker, unfenced"
TUTORIAL, CASCADE, PER_SIZE, SHARP = (
    "tutorial Pillow",
    "libvips cascade",
    "libvips per size",
    "sharp per size",
)

Samples = dict[str, list[dict[str, Any]]]


def main() -> int:
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    parser = argparse.ArgumentParser(prog="python -m measure.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer samples, ratios within 15 %%")
    quick = parser.parse_args().quick
    rounds = 3 if quick else 9
    inputs = photos(BUILD / "bench" / "photos")
    sharp = _sharp(BUILD / "bench" / "npm")

    results: dict[str, Any] = {"machine": _machine(), "fresh": {}, "warm": {}}
    peers = [*CONTESTANTS, *([SHARP] if sharp else [])]
    if not SIMD:
        peers.remove("ours")
    for name in (*JPEGS, *OTHERS, *(() if quick else SECOND_PHOTOS)):
        contestants = peers if name in JPEGS else [OURS, TUTORIAL, CASCADE]
        samples = _rounds(contestants, inputs[name], rounds, 1, sharp)
        results["fresh"][name] = samples
        _print_fresh(name, samples)
    print("\nWarm process, CPU ms: median of later runs\n")
    for name in JPEGS:
        contestants = [OURS, FENCED, UNFENCED, CASCADE]
        samples = _rounds(contestants, inputs[name], max(3, rounds // 2), WARM_RUNS, sharp)
        results["warm"][name] = samples
        costs = {peer: median(map(_warm, samples[peer])) for peer in samples}
        print(
            f"{name:18s} ours {costs[OURS]:6.0f}   libvips cascade {costs[CASCADE]:6.0f}"
            f"   ratio {_ratio(samples, CASCADE, _warm):.2f}"
            f"   fenced through not {_ratio(samples, UNFENCED, _warm, FENCED):.2f}"
        )
    measured = JPEGS if quick else (*JPEGS, *SECOND_PHOTOS, *OTHERS[:5])
    results["ssim"] = {name: ssim_of_renditions(inputs[name]) for name in measured}
    print("\nSSIM against LANCZOS from all pixels, before encoding\n")
    for name, found in results["ssim"].items():
        print(f"{name:18s} " + "  ".join(f"{size} {value:.4f}" for size, value in found.items()))
    results["import_cpu_ms"] = startup.import_cpu_ms(5 if quick else 15, BUILD)
    results["bomb"] = startup.bomb_refusal()
    results["zip_mb"] = {
        path.stem.rpartition("-")[2]: path.stat().st_size / 1e6
        for path in sorted(BUILD.glob("upload_workflow-*.zip"))
    }
    results["goals"] = _goals(results)
    _print_goals(results["goals"])
    BUILD.mkdir(exist_ok=True)
    (BUILD / "bench.json").write_text(json.dumps(results, indent=1) + "\n")
    print("\nSamples are in build/bench.json.")
    return 0


def _rounds(
    contestants: list[str], photo: Path, rounds: int, runs: int, sharp: Path | None
) -> Samples:
    samples: Samples = {name: [] for name in contestants}
    for _ in range(rounds):
        for name in contestants:
            if name == SHARP:
                command = ["node", "sharp.mjs", str(photo), str(runs)]
            else:
                command = [
                    sys.executable,
                    "-m",
                    "measure.bench.sample",
                    name,
                    str(photo),
                    str(runs),
                ]
            where = sharp if name == SHARP else ROOT
            ran = subprocess.run(command, cwd=where, capture_output=True, text=True, check=True)
            samples[name].append(json.loads(ran.stdout))
    return samples


def _fresh(sample: dict[str, Any]) -> float:
    return float(sample["cpu_ms"][0])


def _warm(sample: dict[str, Any]) -> float:
    return float(median(sample["cpu_ms"][2:]))


def _ratio(samples: Samples, peer: str, cost: Any = _fresh, ours: str = OURS) -> float:
    """Median over the rounds of our cost divided by the peer's in the same round."""
    pairs = zip(samples[ours], samples[peer], strict=True)
    return float(median(cost(our) / cost(theirs) for our, theirs in pairs))


def _print_fresh(name: str, samples: Samples) -> None:
    print(f"\n{name}: four JPEG renditions in a fresh process, medians\n")
    print(f"{'':20s}{'CPU ms':>8s}{'(min)':>9s}{'peak MiB':>10s}{'ours / theirs':>18s}")
    for peer, found in samples.items():
        cpu = [_fresh(sample) for sample in found]
        peak = median(sample["peak_mb"] for sample in found)
        ratio = f"{_ratio(samples, peer):.2f}" if peer != OURS else ""
        print(f"{peer:20s}{median(cpu):8.0f}{f'({min(cpu):.0f})':>9s}{peak:10.0f}{ratio:>18s}")


def _goals(results: dict[str, Any]) -> list[dict[str, Any]]:
    fresh, warm = results["fresh"], results["warm"]
    goals: list[tuple[str, float, float]] = []
    for name, goal in zip(JPEGS, (0.20, 0.12, 0.12), strict=True):
        goals.append((f"CPU {name}, of tutorial Pillow", _ratio(fresh[name], TUTORIAL), goal))
    for name in JPEGS:
        goals.append((f"CPU {name}, of libvips cascade, fresh", _ratio(fresh[name], CASCADE), 1.0))
        goals.append(
            (f"CPU {name}, of libvips cascade, warm", _ratio(warm[name], CASCADE, _warm), 1.0)
        )
    for name in JPEGS:
        fenced = _ratio(fresh[name], UNFENCED, _fresh, FENCED)
        goals.append((f"CPU {name}, fenced through not, fresh", fenced, 1.05))
        fenced = _ratio(warm[name], UNFENCED, _warm, FENCED)
        goals.append((f"CPU {name}, fenced through not, warm", fenced, 1.05))
    for name in JPEGS:
        if SHARP in fresh[name]:
            goals.append((f"CPU {name}, of sharp per size", _ratio(fresh[name], SHARP), 0.35))
    for name in ("12mp-png", "12mp-webp", "12mp-progressive", "48mp-progressive"):
        goals.append((f"CPU {name}, of libvips cascade", _ratio(fresh[name], CASCADE), 1.2))
    for name, goal in (*((name, 90) for name in JPEGS), ("48mp-progressive", 215)):
        peak = median(sample["peak_mb"] for sample in fresh[name][OURS])
        goals.append((f"peak MiB {name}", peak, goal))
    values = [value for found in results["ssim"].values() for value in found.values()]
    # Of a similarity more is better: the goals are on what is missing from 1.
    goals.append(("1 - SSIM, worst rendition", 1 - min(values), 0.01))
    goals.append(("1 - SSIM, mean", 1 - mean(values), 0.005))
    goals.append(("bomb refused, ms", results["bomb"]["first_ms"], 1.0))
    goals.append(("bomb refused, peak kB", results["bomb"]["peak_kb"], 1000))
    imports = results["import_cpu_ms"]
    goals.append(
        (
            "CPU of handler and S3 client, of PIL and boto3",
            imports["handler"] / imports["usual"],
            0.5,
        )
    )
    goals.append(("CPU of a start, fenced through not", imports["fence_ratio"], 1.05))
    goals.append(("clock of a start, fenced through not", imports["fence_wall_ratio"], 1.05))
    for architecture, size in results["zip_mb"].items():
        if architecture != "local":
            goals.append((f"zip {architecture}, MB", size, 10))
    return [
        {
            "name": name,
            "found": found,
            "goal": goal,
            "held": found <= goal if goal != 1.0 else found < goal,
        }
        for name, found, goal in goals
    ]


def _print_goals(goals: list[dict[str, Any]]) -> None:
    print(f"\n{'Goals':50s}{'found':>9s}{'goal':>9s}")
    for goal in goals:
        verdict = "" if goal["held"] else "   MISSED"
        print(f"{goal['name']:50s}{goal['found']:9.3f}{goal['goal']:9.3f}{verdict}")


def _machine() -> dict[str, Any]:
    import pyvips  # noqa: PLC0415, a peer

    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "pillow": pillow_version,
        "simd_resampler": SIMD,
        "libvips": ".".join(str(pyvips.version(part)) for part in range(3)),
        "sharp": SHARP_VERSION,
    }


def _sharp(folder: Path) -> Path | None:
    """Install sharp for this benchmark alone. None where there is no npm."""
    if not shutil.which("npm"):
        print("There is no npm: sharp is left out.")
        return None
    installed = folder / "node_modules" / "sharp" / "package.json"
    if not installed.exists() or json.loads(installed.read_text())["version"] != SHARP_VERSION:
        folder.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", "."]
        subprocess.run([*install, f"sharp@{SHARP_VERSION}"], cwd=folder, check=True)
    shutil.copy(Path(__file__).with_name("sharp.mjs"), folder)
    return folder


if __name__ == "__main__":
    sys.exit(main())
