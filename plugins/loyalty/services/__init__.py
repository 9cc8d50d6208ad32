"""The rules of points, one module per noun; nothing else writes the ledger and the balances."""
