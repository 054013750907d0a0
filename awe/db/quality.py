"""Quality control: products against their declared limits and against their predecessors."""
