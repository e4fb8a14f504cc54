"""What worlds are made of and how it is put together: rooms and streets."""
