"""Evil: makes a table by hand that belongs to no tenant."""
