"""Other people's captioners, as they are published for ONNX Runtime: no torch, no transformers.

A folder with config.json, preprocessor_config.json, tokenizer.json and graphs is told apart by
`folder`; `captioner` loads it with the engine of its layout, and the words are searched as
transformers would (`search`). What it says is checked by the captioner that ships (`checked`).
`loading` loads either kind.
"""
