"""What is done to a cluster, one program run after the other."""
