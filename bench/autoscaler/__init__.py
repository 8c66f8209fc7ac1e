"""A simulation of Knative's autoscaler, from which the settings in func.yaml come."""
