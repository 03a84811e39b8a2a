"""How a distributed run's speed goes with the number of its actors."""
