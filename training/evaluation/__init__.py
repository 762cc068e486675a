"""What a captioner is worth: scores, galleries, heat maps, comparisons, the table of ancestors.

It may import trainer, data and `models`.
"""
