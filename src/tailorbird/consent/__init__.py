"""Consent: what a person's data may be used for, decided at every read, and 'no' until said otherwise."""
