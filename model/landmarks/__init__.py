"""The landmark network: backbone, graph head, losses, and the forms in which it is deployed."""
