"""Evil: has a revision that cannot even be imported."""
