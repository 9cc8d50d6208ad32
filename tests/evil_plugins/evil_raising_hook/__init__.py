"""Evil: raises what nobody expects, in each family of hooks."""
