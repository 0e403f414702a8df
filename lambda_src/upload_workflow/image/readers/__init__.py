"""One module a format: from the bytes of an upload to stored pixels, and what is said of them.

A reader hands a decoder only what pixels are made of. Whatever else a file carries it reads by
itself, and ignores where it is broken: no optional part can refuse a picture.
"""
