"""Forms: reading what people typed, controls per kind of field, errors beside fields."""
