"""Why an incident is one, whom it blames and what would change that: a model and its pages."""
