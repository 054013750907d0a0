"""Objects that last: the root class, writing them, and classes people declare themselves."""
