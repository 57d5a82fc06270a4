"""The site's side of limits from outside: into the book at once, on disk before anybody is answered, and the record of all of it."""
