"""Evil: makes a code unique over all tenants, which tells one what another has."""
