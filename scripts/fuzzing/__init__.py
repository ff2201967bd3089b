"""Coverage-guided fuzzing of every reader of what others send, with atheris (libFuzzer)."""
