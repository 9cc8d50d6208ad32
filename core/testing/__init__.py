"""What tests of the kernel and of plugins stand on."""
