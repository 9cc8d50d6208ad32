"""Search: one index for all entities, reached through functions that cap, sort and wall."""
