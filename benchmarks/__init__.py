"""Benchmarks: a table with the machine, the versions and a named peer in the same run; never a pass/fail test."""
