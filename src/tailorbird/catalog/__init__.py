"""What can be recommended: items, their attributes and availability."""
