"""What happened: the one event struct that every door translates into."""
