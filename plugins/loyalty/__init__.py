"""Points that customers earn and redeem, and the tier that follows from them."""
