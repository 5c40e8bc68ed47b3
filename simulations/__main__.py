"""Run the simulations with fixed seeds, and print a table in Markdown: make simulate."""

from simulations.twins import outcomes


def main() -> None:
    """Print a line for each scenario as soon as it is known."""
    print("| scenario | draws | some `better` | pairs with a `better` |\n|---|---|---|---|")
    for each in outcomes():
        print(
            f"| {each.scenario} | {each.draws} | {each.some_better:.1%} | {each.pairs_better:.2%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
