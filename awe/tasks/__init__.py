"""What recipes are made of: arguments, the choice of inputs, execution, and products."""
