"""Prints the table of Benchmarks/compare_training.sh from the JSON files that it has gathered in a folder.

    python3 Benchmarks/training_table.py FOLDER

A file is named NETWORK.THREADS.ROUND.signum.json or NETWORK.THREADS.ROUND.torch.LAYOUT.WAITING.json.
"""
import collections
import json
import pathlib
import statistics
import sys

HEADING = """\
Images/s, best / median of the steps; medians over the rounds. The ratio is signum's median to that of the best PyTorch;
work is PyTorch's processor time a step to signum's, which other load moves less. Memory is the most that was resident,
in MB, less what was resident before the network was made.
"""
COLUMNS = [
    "network", "threads", "signum", "of peak", "PyTorch", "its best", "ratio", "over rounds", "work", "signum MB",
    "PyTorch MB"]


def read(folder):
    """For each network and number of threads, the results of each side over all rounds."""
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        network, threads, _, side = path.name.removesuffix(".json").split(".", 3)
        report = json.loads(path.read_text())
        result = report["results"][0]
        result["memoryOfStep"] = result["peakMemoryBytes"] - report["memoryBeforeBytes"]
        found[network, int(threads)][side].append(result)
    return found


def median(results, field):
    return statistics.median(result[field] for result in results)


def row(network, threads, sides):
    ours = sides["signum"]
    speeds = {side: median(results, "medianImagesPerSecond") for side, results in sides.items() if side != "signum"}
    best = max(speeds, key=speeds.get)
    theirs = sides[best]
    work = median(theirs, "medianProcessorSeconds") / median(ours, "medianProcessorSeconds")
    memory = [median(side, "memoryOfStep") / 1e6 for side in (ours, min(
        (results for side, results in sides.items() if side != "signum"), key=lambda r: median(r, "memoryOfStep")))]
    per_round = [a["medianImagesPerSecond"] / b["medianImagesPerSecond"] for a, b in zip(ours, theirs)]
    return (
        f"| {network} | {threads} | {median(ours, 'bestImagesPerSecond'):.0f} / "
        f"{median(ours, 'medianImagesPerSecond'):.0f} | {100 * median(ours, 'shareOfPeak'):.0f} % | "
        f"{median(theirs, 'bestImagesPerSecond'):.0f} / {speeds[best]:.0f} | {best.removeprefix('torch.')} | "
        f"**{median(ours, 'medianImagesPerSecond') / speeds[best]:.2f}** | "
        f"{min(per_round):.2f} to {max(per_round):.2f} | {work:.2f} | {memory[0]:.0f} | {memory[1]:.0f} |")


def main():
    found = read(sys.argv[1])
    print(HEADING)
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    for (network, threads), sides in sorted(found.items()):
        print(row(network, threads, sides))


if __name__ == "__main__":
    main()
