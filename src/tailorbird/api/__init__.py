"""The HTTP face. It holds no logic of the domain: it reads requests, calls the application, and words the answers."""
