"""Whether files say what the functions understand, before a function has to refuse them."""
