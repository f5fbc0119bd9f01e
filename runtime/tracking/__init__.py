"""Following faces through a video: which region to look for each in, which observation is whose, steady points."""
