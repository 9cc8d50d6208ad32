"""The kernel: tenancy, authentication, access and the entity registry. It knows no plugin."""

VERSION = "0.1.0"
