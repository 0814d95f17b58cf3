"""Training: `compile`, `fit`, `evaluate` and `predict`, and what they are made of."""
