"""What is needed to run a captioner from its folder: bundles, engines, and graphs in integers.

It may import captioning and, for the torch engine, networks.
"""
