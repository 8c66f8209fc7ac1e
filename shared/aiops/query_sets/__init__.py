"""Golden signals of what most installations run, a set a module, found by its name: `QUERIES`.

Traffic, errors, latency and saturation of each, by the names its exporters give them today. The
name a result gets says its role (`aiops.series`), and a label says its service.
"""
