"""The canary: one sample sent through the whole chain, and watched on its way."""
