"""Who limits a site from the grid's side: each source is a file, and becomes limits of the site's book."""
