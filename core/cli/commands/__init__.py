"""The commands of ``crm``, one module each."""
