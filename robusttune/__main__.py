"""The command `robusttune`, also as `python -m robusttune`."""

import gc


def main() -> None:
    """Run the command line."""
    gc.disable()  # modules are no garbage: looking for some in them takes a tenth of the start
    from robusttune.cli import app

    gc.freeze()
    gc.enable()
    app()


if __name__ == "__main__":
    main()
