"""Plan and Steering: what operators write and what the world does, compiled for the engine."""
