"""The picture finder's training: screens that it composes itself, and the network for them."""
