"""What happened: the event structs and what is read from them."""
