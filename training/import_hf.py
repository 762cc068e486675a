"""`python -m training.import_hf MODEL --out FOLDER`: somebody else's captioner as a bundle."""

from __future__ import annotations

from training.hf_import.convert import main

if __name__ == "__main__":
    main()
