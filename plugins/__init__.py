"""The capabilities that ship with the product, one folder each."""
