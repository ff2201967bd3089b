"""What is made for a release and checked by the tests: run one with ``python -m release.<name>`` in ``scripts``."""
