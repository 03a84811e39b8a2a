"""What agents share: the learner, the builder, actors."""
