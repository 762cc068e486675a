"""The networks in torch: needed for training and for the torch engine only."""
