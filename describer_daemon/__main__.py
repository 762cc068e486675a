"""`python -m describer_daemon` is `describer`."""

from describer_daemon.cli.main import main

if __name__ == "__main__":
    main(prog_name="describer")
