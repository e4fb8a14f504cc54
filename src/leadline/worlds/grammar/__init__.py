"""The parts of worlds and their composition: rooms and streets."""
