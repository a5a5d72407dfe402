"""A booted systemd with aloqd in it, and aloqd as a service there."""
