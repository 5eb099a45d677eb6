"""Loops on the lattice: initial data, current carriers, absorbers, the energy book, pictures."""
