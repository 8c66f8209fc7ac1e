"""The pipeline under fire, compared with the same input left in peace."""
