"""What can be trained: landmark networks, the face detector, and int8 copies of landmark networks."""
