"""What a person types: a module for each command of `describer`, or for a family of them.

`main` gathers them and loads a module when its command is asked for. The room may import
everything in this package, and nobody imports it.
"""
