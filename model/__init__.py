"""Landmark networks in torch: backbones, graph head, losses and the operator's reference."""
