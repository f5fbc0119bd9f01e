"""Landmarks in the browser itself: the library in JavaScript (src, page), and what serves or writes its page."""
