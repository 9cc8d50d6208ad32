"""What ``crm plugin`` needs: names, scaffold and checks."""
