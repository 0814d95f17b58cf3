"""Whole models, trained by Nacre and its peers: `python -m benchmarks.models`.

Each library runs in a process of its own, with the interpreter that was named for it. The
processes stay alive and take turns, so that a slow minute of the machine falls on all of them.
"""
