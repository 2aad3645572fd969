"""emcatalog: public volume-EM datasets as labelled, lazy arrays in nanometres."""
