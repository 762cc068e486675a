"""Captions in the person's own language, translated on the machine, without torch.

```
English ─ text.py ─ pieces.py ─ encoder.onnx ─ decoder.onnx, word by word ─ pieces.py ─ text
                                                                                │
            the beam that keeps every thing named (survival.py) wins ───────────┘
```

A translator is a folder of `models/translators` (ADR 0058). It is loaded when it is first needed;
with an English desktop nothing here is imported.
"""

from models.translation.bundle import available
from models.translation.translator import Translation, Translator

__all__ = ["Translation", "Translator", "available"]
