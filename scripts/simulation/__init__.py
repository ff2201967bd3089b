"""What nodes, Redis shards and regions carry: a model fed with measured figures. See collab/SCALING.md."""
