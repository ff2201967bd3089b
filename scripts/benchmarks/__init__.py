"""The benchmarks behind ``scripts/bench``: collab and its peers on the same work, in one run.

A server runs alone on core 0, the load comes from this process on core 1. Every server gets the
same bytes from the same people; what counts as delivered is read from the content of what
arrives, and in the end the text of every receiver is compared with what was typed.

``servers`` knows what can be started, ``wires`` how to talk to it, ``client`` is one person,
``load`` makes many of them work, ``ledger``, ``process`` and ``kernel`` measure, ``verify`` compares the texts;
``workloads`` holds one module per kind of work, ``report`` and ``chart`` show the outcome.
"""
