"""How a sweep is carried out: packs are planned, trained by workers, and committed to the root."""
