"""`make arm64`: the package on an Arm processor, real or emulated, compared with this computer."""
