"""What no schema says: whether the objects a cluster is given fit together, and fit the code."""
