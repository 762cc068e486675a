"""From data sets on disk to examples: reading, cleaning, statistics, caches and shards.

It may import `models`, and knows neither recipes nor trainers.
"""
