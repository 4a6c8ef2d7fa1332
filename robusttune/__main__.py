"""`python -m robusttune`."""

from robusttune.cli import main

main()
